package conformance_test

import (
	"slices"
	"testing"
)

// A source is the kind of evidence for an assumption.
type source string

// The kinds of evidence, the strongest first.
const (
	recorded     source = "recorded"      // real exchanges of 2026, in testdata/recorded or at the source of those
	recorded2015 source = "recorded 2015" // real replies kept in unit tests of the Python SDK
	liveTest     source = "live test"     // an SDK's integration test expects it of the service
	thirdParty   source = "third party"   // a real reply quoted in a public issue
	documented   source = "documented"    // the official documentation, pages of error codes included
	sdkSource    source = "SDK source"    // official SDKs rely on it
	inferred     source = "inferred"      // follows from the others
)

// sources returns all kinds of evidence, the strongest first.
func sources() []source {
	return []source{recorded, recorded2015, liveTest, thirdParty, documented, sdkSource, inferred}
}

// An assumption is one fact about OSS that the module relies on.
type assumption struct {
	ID     string   // "A017"; never reused
	Claim  string   // the fact, as a sentence
	Source source   // the best evidence
	Where  string   // document, repository or file with the evidence
	Ops    []string // operations that it is about

	FakeOnly string // why the check cannot run against the service; empty if it can

	check func(t *testing.T, e *env) // may end with FailNow
}

// assumptions returns all assumptions, by ID.
func assumptions() []assumption {
	return slices.Concat(
		addressingAssumptions(),
		headerAssumptions(),
		initiateAssumptions(),
		partAssumptions(),
		copyAssumptions(),
		completeAssumptions(),
		completeErrorAssumptions(),
		abortAssumptions(),
		listPartsAssumptions(),
		listUploadsAssumptions(),
		objectAssumptions(),
		readAssumptions(),
		signatureAssumptions(),
		presignAssumptions(),
		clockAssumptions(),
		clientAssumptions(),
		bucketAssumptions(),
		listObjectsAssumptions(),
		deleteListAssumptions(),
		appendAssumptions(),
		copyObjectAssumptions(),
		accessAssumptions(),
		taggingAssumptions(),
		callbackAssumptions(),
		versioningAssumptions(),
		spellingAssumptions(),
		bucketViewAssumptions(),
		encryptionAssumptions(),
		emptyAssumptions(),
		callbackStepAssumptions(),
		trafficAssumptions(),
		tagCodeAssumptions(),
		strictAssumptions(),
		configurationAssumptions(),
		linkAssumptions(),
		restoreAssumptions(),
		corsAssumptions(),
		formAssumptions(),
		readingAssumptions(),
	)
}

// checkAll checks every assumption against a system, each in a subtest named by its ID.
func checkAll(t *testing.T, target *system) {
	for _, a := range assumptions() {
		t.Run(a.ID, func(t *testing.T) {
			t.Parallel()
			if a.FakeOnly != "" && target.Fake == nil {
				t.Skip("for the fake only: " + a.FakeOnly)
			}
			a.check(t, &env{system: target, id: a.ID})
			if t.Failed() {
				t.Logf("%s (%s, %s): %s", a.ID, a.Source, a.Where, a.Claim)
			}
		})
	}
}
