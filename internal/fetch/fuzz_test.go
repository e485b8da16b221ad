package fetch

import (
	"strings"
	"testing"
)

// FuzzRedact holds that neither the password of a URL nor a parameter of its query is shown, whatever stands around it,
// and that text without a URL stays.
func FuzzRedact(f *testing.F) {
	f.Add("user", "s3/cr@et", "example.com/a?ref=v1", "unable to access '", "'")
	f.Add("", "x", "h", "", "")
	f.Add("a.b", "9", "127.0.0.1:9/o", "(", ")")
	f.Fuzz(func(t *testing.T, user, password, rest, before, after string) {
		if again := Redact(Redact(before + rest)); again != Redact(before+rest) {
			t.Errorf("%q becomes %q, and then %q", before+rest, Redact(before+rest), again)
		}
		// The user name and the password are as a URL has them: with their reserved characters escaped, apart from the
		// characters that people forget to escape.
		if strings.ContainsAny(user+password, " \t\r\n\v\f\u0085?#'\"") || strings.ContainsAny(user, "/:@") || !strings.HasPrefix(rest, "example.com/") {
			return
		}
		const secret = "s3cret"
		shown := Redact(before + "https://" + user + ":" + secret + password + "@" + rest + after)
		if strings.Contains(shown, secret) && !strings.Contains(before+rest+after+user+password, secret) {
			t.Errorf("%q shows the password", shown)
		}
		shown = Redact(before + "https://example.com/a?token=" + secret + "&ref=v1")
		if strings.Contains(shown, secret) && !strings.Contains(before, secret) {
			t.Errorf("%q shows the token", shown)
		}
	})
}
