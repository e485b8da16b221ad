package fetch

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// userinfo is what stands between the scheme and the host of a URL. A password may have a / or an @ that should be
	// escaped, so that only the last @ surely ends it. Without a password, or after a host with a dot and a port, a
	// later @ belongs to the path. Cleaning a path leaves one slash after the scheme.
	userinfo = regexp.MustCompile(`:/+(?:[^/\s:@?.]*:\S*@|[^/\s:@?]*:(?:\d*[^\d\s/]|/)\S*@|[^/\s?]*@)`)
	query    = regexp.MustCompile(`\?[^\s'"]+`)
)

// shownParameters are the parameters that kustomize reads of a git URL. They hold no credentials.
var shownParameters = []string{"ref", "version", "timeout", "submodules"}

// Redact returns a URL, or a message with URLs, without credentials. It drops user names and passwords, and of a query
// all parameters but those of kustomize's git URLs, since any other may be a token:
// "https://u:p@example.com/x?ref=v1&token=s" becomes "https://example.com/x?ref=v1".
func Redact(text string) string {
	return query.ReplaceAllStringFunc(userinfo.ReplaceAllString(text, "://"), func(q string) string {
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

// RedactError returns an error with the first line of the message of err, without credentials. Further lines may be the
// page that a server sent. It wraps err: errors.Is finds, say, a canceled context.
func RedactError(err error) error {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return &redactedError{Redact(line), err}
}

type redactedError struct {
	message string
	err     error
}

func (e *redactedError) Error() string { return e.message }
func (e *redactedError) Unwrap() error { return e.err }
