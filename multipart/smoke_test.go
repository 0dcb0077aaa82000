package multipart_test
import ("testing";"strings";"testing/synctest";"github.com/ossmultipart/go-oss/multipart";"github.com/ossmultipart/go-oss/oss/osstest")
func TestUploadSurvivesLostReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := osstest.NewServer(&osstest.Options{MinPartSize: 1})
		defer srv.Close()
		lost := srv.Inject(osstest.Fault{Op: "CompleteMultipartUpload", Times: 1, Effect: osstest.LoseReply()})
		up := multipart.NewUploader(srv.Client(), &multipart.Options{PartSize: 4})
		res, err := up.Upload(t.Context(), "b", "k", strings.NewReader("0123456789"), nil)
		if err != nil || res.Parts != 3 || lost.Fired() != 1 {
			t.Errorf("Upload = %+v, %v after %d lost replies, want 3 parts", res, err, lost.Fired())
		}
	})
}
