package multipart_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// TestCatalogue holds what breaks uploads and downloads in practice, a subtest for each condition, by the id under
// which FAILURES.md explains it, and in it a subtest for each function, by its name:
//
//	go test -run 'TestCatalogue/U8/twoProcessesResume' ./multipart
//
// Most were seen in SDKs in use.
func TestCatalogue(t *testing.T) {
	rows := []struct {
		id    string
		tests []func(*testing.T)
	}{
		// Sources.
		{"S1", []func(*testing.T){onlyWhatIsLeftIsUploadedAndTheOffsetStays, onlyKnownTypesAreReadInPlace}},
		{"S2", []func(*testing.T){everySourceOfEverySizeArrivesWhole, aReaderThatFailsIsTheCauseAndMakesNoObject,
			anErrorThatAReaderTellsOnceIsNotLost, aReaderThatNeverAdvancesIsAnError}},
		{"S3", []func(*testing.T){anEmptyStreamIsOnePutObject}},
		{"S4", []func(*testing.T){requestsAreAsFewAsPossible, tenThousandPartsOfTheSmallestSizeBecomeOneObject}},
		{"S5", []func(*testing.T){aStreamGrowsItsPartsAndStopsAtTenThousand}},
		{"S6", []func(*testing.T){aSmallStreamDoesNotAllocateAPart, aSmallWriterDoesNotAllocateAPart}},
		{"S7", []func(*testing.T){aFileThatChangesUnderWayMakesNoObject,
			aFileThatChangesWhileItIsResumedMakesNoObject}},
		{"S8", []func(*testing.T){aSourceShorterThanItsPlanMakesNoObject, aSourceOfAnotherSizeThanItsPlanIsAnError}},
		{"S9", []func(*testing.T){aSmallStreamIsSentAgainFromMemory}},
		{"S10", []func(*testing.T){keysAndMetadataArriveByteForByte}},
		{"S11", []func(*testing.T){aReaderOfAnotherLengthThanToldMakesNoObject}},

		// Parts and concurrency.
		{"P1", []func(*testing.T){theFirstFailureCancelsTheOtherPartsAndIsTheError, noLatePartArrivesAfterTheAbort}},
		{"P2", []func(*testing.T){failingUploadsLeaveNoGoroutine}},
		{"P3", []func(*testing.T){twoFailuresDoNotHideTheFirst}},
		{"P4", []func(*testing.T){fortyUploadsShareTheLimitsOfTheirUploader}},
		{"P5", []func(*testing.T){optionsReachEveryRequestTheyConcern,
			whoPaysIsSaidByResumesCopiesAndTheSearchForOrphansToo, anOptionNobodyCanHonourIsAnError}},
		{"P6", []func(*testing.T){whatTheCallerGaveIsNeverModified}},
		{"P7", []func(*testing.T){aPartThatStallsIsSentAgain, aSlowLinkThatMovesIsNeverGivenUp}},
		{"P8", []func(*testing.T){aFewStuckConnectionsHardlyDelayUploads,
			aPartBothOfWhoseRequestsFailHasTheErrorOfTheFirst, aPartSucceedsWithItsSecondRequestAlsoWhenTheFirstFails,
			cancellingEndsBothRequestsOfAPart, aPartIsSentAgainWhenTheRequestFailsThatWasAhead}},

		// Memory.
		{"M1", []func(*testing.T){silentReadersDoNotDelayOthers}},
		{"M2", []func(*testing.T){slowStreamsAreAllReadAllTheTime}},
		{"M3", []func(*testing.T){oneGoroutineWritesToManyWritersInTurn}},
		{"M4", []func(*testing.T){aFileDoesNotWaitForOpenWriters}},
		{"M5", []func(*testing.T){aCancelledUploadWhoseReadHangsGivesItsMemoryBack}},
		{"M6", []func(*testing.T){waitingForMemoryIsLoggedAndNamedByTheError}},
		{"M7", []func(*testing.T){partsThatGrowStayAsManyInFlight}},

		// Retries and time.
		{"R1", []func(*testing.T){aPartThatFailsForAWhileIsSentAgain,
			throttlingOfEveryNameIsWaitedOut, retryAfterIsObeyed}},
		{"R2", []func(*testing.T){aRefusalThatStaysIsNotRepeated}},
		{"R3", []func(*testing.T){aTransportThatStillReadsTheLastBodyDoesNoHarm}},
		{"R4", []func(*testing.T){cancellingReturnsAtOnceAndLeavesNothing, cancellingInABackoffNamesWhatWasRetried,
			cancellingDoesNotWaitForAReaderThatBlocks, theCauseOfACancellationIsInTheError,
			aDeadlineWhileALimiterWaitsIsTheDeadline, aBurstThatIsLoweredUnderWayFailsNothing}},
		{"R5", []func(*testing.T){aClockThatIsOffIsCorrectedAndStaysRight}},
		{"R6", []func(*testing.T){aServerThatThrottlesHalfOfAllRequestsIsNotFlooded,
			aServerThatThrottlesEverythingForHalfAMinute, parallelismFallsUnderThrottlingAndRecovers,
			throttlingThatNeverEndsIsAnErrorAtLast}},
		{"R7", []func(*testing.T){everyAttemptIsSignedWithTheKeysOfItsMoment}},
		{"R8", []func(*testing.T){aProxysPageIsNoXMLError}},
		{"R9", []func(*testing.T){aFailedCallbackSaysThatTheObjectExists,
			aCallbackThatFailsWhenItIsRepeatedIsNotHidden}},
		{"R10", []func(*testing.T){aReplyToCompleteThatIsNoResultIsSettled}},

		// The connection.
		{"L1", []func(*testing.T){anUploadGoesOnAfterAnOutage, progressAndLogTellOfAnOutage}},
		{"L2", []func(*testing.T){patienceThatEndsSaysHowLongItWaited}},
		{"L3", []func(*testing.T){aWrongEndpointFailsAtOnce}},
		{"L4", []func(*testing.T){theCleanUpOfACancelledUploadIsBounded}},

		// Credentials.
		{"K1", []func(*testing.T){manyPartsShareOneFetchOfKeys}},
		{"K2", []func(*testing.T){keysThatExpireUnderWayAreReplacedOnce}},
		{"K3", []func(*testing.T){aFailedRefreshIsHiddenWhileTheOldKeysWork}},
		{"K4", []func(*testing.T){emptyKeysAreAnErrorBeforeAnyRequest}},
		{"K5", []func(*testing.T){nothingSecretIsLoggedOrReported}},
		{"K6", []func(*testing.T){aRefusalOfV1NamesTheCure}},

		// Integrity.
		{"I1", []func(*testing.T){aFlippedBitIsRefusedAndSentAgain}},
		{"I2", []func(*testing.T){aWrongReportOfAPartIsDamage}},
		{"I3", []func(*testing.T){anObjectWithAnotherCRCIsAChecksumErrorThatSaysItExists}},
		{"I4", []func(*testing.T){finishNoticesPartsOfAnotherWriter, aPartReplacedUnderWayIsNoticed}},
		{"I5", []func(*testing.T){encryptionIsNoFalseAlarm, versionsAreNoFalseAlarm,
			anETagOutsideTheRuleWarnsAndDoesNotFail, anETagThatIsNoMD5IsNoDamageBesideTheRightCRC}},

		// Complete and abort.
		{"C1", []func(*testing.T){aLostReplyToCompleteIsSettledByTheObject, anEqualOlderObjectProvesNothing,
			anEqualObjectOfAnotherProgramIsNotOurs, anEqualSmallObjectOfAnotherProgramIsNotOurs,
			anEqualObjectOlderThanTheUploadDoesNotEndItsResumption}},
		{"C2", []func(*testing.T){anotherObjectInPlaceOfOursLeavesTheOutcomeUnknown, anOutcomeNobodyMayAskForIsUnknown,
			anUploadThatSomebodyElseAbortedIsAPlainFailure, putObjectOutcomes}},
		{"C3", []func(*testing.T){completeIsWaitedForAMinute}},
		{"C4", []func(*testing.T){whatALostReplyToInitiateMayHaveBegunIsReported,
			exclusiveKeysLeaveNothingOfALostReply}},
		{"C5", []func(*testing.T){cancellingInTheMiddleOfAPartAborts}},
		{"C6", []func(*testing.T){abortIsRepeatedUntilOSSHoldsNothing, aLatePartThatRevivesTheUploadIsAbortedToo,
			aPartStoredAMomentAfterTheAbortIsAbortedToo, keysThatMayNotListPartsAbortTwice}},
		{"C7", []func(*testing.T){anAbortThatFailsForGoodIsReportedWithTheUploadID}},
		{"C8", []func(*testing.T){aConflictUnderForbidOverwriteIsOne,
			aLostReplyUnderForbidOverwriteIsNotMistakenForAConflict}},

		// Resume.
		{"U1", []func(*testing.T){killedAtAnyMoment, theNextRunFindsWhatAKilledProcessHasBegun,
			anIntentIsRecordedBeforeInitiate}},
		{"U2", []func(*testing.T){aSourceRewrittenWithTheSameSizeAndTimeIsNeverMixed}},
		{"U3", []func(*testing.T){resumeKeepsEveryEqualPartAndSendsTheOthers,
			aKeptStreamIsResumedWithPartsOfEverySize}},
		{"U4", []func(*testing.T){aCompletedUploadWhoseRecordWasLeftIsFoundDone}},
		{"U5", []func(*testing.T){aListThatFailsOnceDoesNotLoseTheSession}},
		{"U6", []func(*testing.T){anUploadThatNoLongerFitsIsAbortedAndBegunAnew, nothingIsLeftOfAFileThatHasBecomeSmall,
			aRecordOfAnotherKeyIsLeftAlone, aCallWithOtherOptionsBeginsAnew,
			aRecordWithoutADigestOfItsOptionsIsNotContinued}},
		{"U7", []func(*testing.T){aDamagedOrForeignRecordCountsAsAbsent, anUnusableDirectoryIsAClearError,
			aStoreThatCannotSaveIsAnErrorThatLeavesNothing}},
		{"U8", []func(*testing.T){twoProcessesResume, twoThatBeginAtOnceShareOneUpload,
			anUploadThatNoRecordNamesIsNotKept, aRecordThatAnotherProcessHasReplacedIsLeftToIt}},
		{"U9", []func(*testing.T){unfinishedUploadsAreResumedWithoutAnyRecord}},
		{"U10", []func(*testing.T){aSessionThatExpiredIsBegunAnewOnce}},
		{"U11", []func(*testing.T){aRecordIsPrivateAndReplacedAtOnce, theRecordIsSavedBeforePartOne}},

		// Downloads.
		{"D1", []func(*testing.T){aDownloadFileKilledAtAnyMomentEndsRight,
			aFailedDownloadFileContinuesWithTheRangesThatAreRight,
			downloadFileLeavesNothingWhereNothingCanContinue}},
		{"D2", []func(*testing.T){aDownloadOfAChangedObjectIsAChangedError,
			downloadFileBeginsAnewWhenTheObjectChangedOnce, aDownloadContinuesWithTheVersionThatItBeganWith,
			aDownloadOfADeletedObjectIsErrNotExist}},
		{"D3", []func(*testing.T){aRangeContinuesAfterALostConnection}},
		{"D4", []func(*testing.T){aDownloadContinuesAfterAnOutage, anOutageLongerThanPatienceKeepsTheRanges}},
		{"D5", []func(*testing.T){aLostReplyToADownloadIsRequestedAgain}},
		{"D6", []func(*testing.T){aFullDiskKeepsTheRangesOfADownloadFile, aDownloadToAFullDiskFailsWithENOSPC}},
		{"D7", []func(*testing.T){aReadOnlyDirectoryIsRefusedBeforeAnyRequest,
			aReadOnlyTargetIsReplacedAndStaysReadOnly}},
		{"D8", []func(*testing.T){targetsThatAreNoFilesAreRefusedBeforeAnyRequest}},
		{"D9", []func(*testing.T){aDownloadOfDamagedBytesIsAChecksumError}},
		{"D10", []func(*testing.T){anObjectWithoutCRC64IsStatedAsUnverified}},
		{"D11", []func(*testing.T){twoDownloadsToOneFileFollowOneAnother}},
		{"D12", []func(*testing.T){aStuckConnectionHardlyDelaysADownload}},
		{"D13", []func(*testing.T){readersShareTheMemoryWithoutWaitingForOneAnother, closingAReaderEndsARead}},
		{"D14", []func(*testing.T){cancellingEndsADownload}},

		// Trees.
		{"T1", []func(*testing.T){downloadTreeNeverLeavesTheDirectory}},
		{"T2", []func(*testing.T){downloadTreeTakesAFileForAFile, downloadTreeRefusesKeysThatDifferInCaseOnly}},
		{"T3", []func(*testing.T){uploadFSContinuesAfterAFailure, downloadTreeContinuesAfterAFailure}},
		{"T4", []func(*testing.T){uploadFSEndsEarly, downloadTreeEndsEarly}},
		{"T5", []func(*testing.T){uploadFSFollowsNoLinkUnasked}},

		// Suspended Writers.
		{"W1", []func(*testing.T){aSuspendedWriterContinuesAtTheExactByte, theUploadOfAKilledNamedWriterIsContinued,
			killedAtEachRequestOfALeg}},
		{"W2", []func(*testing.T){twoWritersOnOneUploadNeverMixTheirBytes, ofTwoWritersTheLaterSuspendIsRefused,
			ofTwoWritersUnderOneNameOneIsRefused}},
		{"W3", []func(*testing.T){anUploadWithoutACheckpointContinuesAfterItsParts}},
		{"W4", []func(*testing.T){partsBeyondACheckpointAreReplaced, anImpossibleCheckpointIsRefused}},
		{"W5", []func(*testing.T){anUploadThatHasEndedCannotBeContinued, aNameWhoseUploadIsGoneStaysAnError}},
		{"W6", []func(*testing.T){aSuspendThatFailsLeavesTheLastCheckpoint, suspendEndsWithItsContext}},
		{"W7", []func(*testing.T){suspendKeepsWhatAFailedReaderGave}},
		{"W8", []func(*testing.T){truncateKeepsWholeParts, truncateToTheBeginningIsAlwaysPossible}},
		{"W9", []func(*testing.T){frequentSuspensionsDoNotUseUpTheParts}},
		{"W10", []func(*testing.T){abortDiscardsWhatEarlierWritersWrote, abortAndDiscardLeaveNothingOfAName,
			sweepEndsASuspendedUploadAndItsSidecar}},

		// Progress and callbacks.
		{"G1", []func(*testing.T){progressIsMonotoneAndEndsExactlyAtTheSize, progressCountsResumedBytesOnce}},
		{"G2", []func(*testing.T){aPanicOfTheProgressFunctionReachesTheCaller, aProgressFunctionMayUpload,
			aProgressFunctionThatBlocksStopsNoPart, aPanicOfTheCallersCodeReachesTheCaller,
			aPanicOfTheCallersCodeReachesTheCallerOfDownload}},
		{"G3", []func(*testing.T){aFailedUploadNeverReportsEverything, aFailedUploadOfNothingNeverReportsEverything}},
	}
	alone := map[string]bool{ // others would disturb them
		"S6": true, // counts allocated bytes
		"T2": true, // replaces a variable of the package
		"T4": true, // counts open files
	}
	done := make(map[string]bool)
	for _, row := range rows {
		done[row.id] = true
		t.Run(row.id, func(t *testing.T) {
			if !alone[row.id] {
				t.Parallel()
			}
			for _, test := range row.tests {
				t.Run(nameOf(test), test)
			}
		})
	}
	for prefix, n := range map[string]int{"S": 11, "P": 8, "M": 7, "R": 10, "L": 4, "K": 6,
		"I": 5, "C": 8, "U": 11, "D": 14, "T": 5, "W": 10, "G": 3} {
		for i := range n {
			if id := fmt.Sprint(prefix, i+1); !done[id] {
				t.Errorf("no test for %s", id)
			}
		}
	}
}

// nameOf returns the name of a function without its package.
func nameOf(f func(*testing.T)) string {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return name[strings.LastIndexByte(name, '.')+1:]
}
