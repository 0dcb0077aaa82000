package conformance

import (
	"slices"
	"testing"
)

// A Source is the kind of evidence for an assumption.
type Source string

// The kinds of evidence, the strongest first.
const (
	Recorded     Source = "recorded"      // real exchanges of 2026, in testdata/recorded or beside them at their source
	Recorded2015 Source = "recorded 2015" // real replies kept in unit tests of the Python SDK
	LiveTest     Source = "live test"     // an SDK's integration test expects it of the service
	ThirdParty   Source = "third party"   // a real reply quoted in a public issue
	Documented   Source = "documented"    // the official documentation, pages of error codes included
	SDKSource    Source = "SDK source"    // official SDKs rely on it
	Inferred     Source = "inferred"      // follows from the rest; nobody says it
)

// Sources returns all kinds of evidence, the strongest first.
func Sources() []Source {
	return []Source{Recorded, Recorded2015, LiveTest, ThirdParty, Documented, SDKSource, Inferred}
}

// An Assumption is one thing the module assumes about OSS.
type Assumption struct {
	ID     string   // "A017"; once given it is never given again
	Claim  string   // what holds, as a sentence
	Source Source   // the best evidence there is
	Where  string   // where the evidence is: document, repository or file
	Ops    []string // the operations it is about

	FakeOnly string // why the check cannot run on the service; empty if it can

	check func(t *testing.T, e *env) // stops at a reply that makes the rest pointless
}

// Assumptions returns all of them by ID.
func Assumptions() []Assumption {
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

// Run checks every assumption against target, each in a subtest named by its ID.
func Run(t *testing.T, target *Target) {
	for _, a := range Assumptions() {
		t.Run(a.ID, func(t *testing.T) {
			t.Parallel()
			if a.FakeOnly != "" && target.Fake == nil {
				t.Skip("for the fake only: " + a.FakeOnly)
			}
			a.check(t, &env{Target: target, id: a.ID})
			if t.Failed() {
				t.Logf("%s (%s, %s): %s", a.ID, a.Source, a.Where, a.Claim)
			}
		})
	}
}
