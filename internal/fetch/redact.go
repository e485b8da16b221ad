package fetch

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// userinfo matches the text between the scheme and the host of a URL. A password may contain a / or an @ that its user
	// has not escaped, so only the last @ certainly ends it. Without a password, or after a host with a dot and a port, a
	// later @ belongs to the path. There may be one slash after the scheme: path.Clean removes the other.
	userinfo = regexp.MustCompile(`:/+(?:[^/\s:@?.]*:\S*@|[^/\s:@?]*:(?:\d*[^\d\s/]|/)\S*@|[^/\s?]*@)`)
	query    = regexp.MustCompile(`\?[^\s'"]+`)
)

// shownParameters are the parameters of a git URL that kustomize reads. They hold no credentials.
var shownParameters = []string{"ref", "version", "timeout", "submodules"}

// Redact returns a URL, or a message with URLs, without credentials. It removes user names and passwords. Of a query
// it keeps only the parameters of kustomize's git URLs, because any other parameter may be a token. For example,
// "https://u:p@example.com/x?ref=v1&token=s" becomes "https://example.com/x?ref=v1".
func Redact(text string) string {
	// A removed part can leave a text that has the form of a URL with credentials again.
	for before := ""; before != text; {
		before, text = text, userinfo.ReplaceAllString(text, "://")
	}
	return query.ReplaceAllStringFunc(text, func(q string) string {
		parameters := strings.FieldsFunc(q[1:], func(c rune) bool { return c == '&' || c == ';' })
		parameters = slices.DeleteFunc(parameters, func(parameter string) bool {
			name, _, _ := strings.Cut(parameter, "=")
			return !slices.Contains(shownParameters, name)
		})
		if len(parameters) == 0 {
			return ""
		}
		return "?" + strings.Join(parameters, "&")
	})
}

// RedactError returns an error with the first line of the message of err, without credentials. Further lines are left
// out, because they may be a web page that a server has sent. It wraps err, so that errors.Is finds a canceled
// context, for example.
func RedactError(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return &redactedError{Redact(line), err}
}

// quoted matches the texts in quotation marks of a message.
var quoted = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'|`[^`]*`")

// WithoutQuotes is RedactError for an error of a library that may quote the answer of a server: it also removes all
// quoted texts. The message of a failure may be public, and the answer of a server may not.
func WithoutQuotes(err error) error {
	return &redactedError{quoted.ReplaceAllString(RedactError(err).Error(), "…"), err}
}

// redactedError is an error with another message.
type redactedError struct {
	message string
	err     error
}

func (e *redactedError) Error() string { return e.message }
func (e *redactedError) Unwrap() error { return e.err }
