package origin

import (
	"strconv"
)

// tokens are the sites of a run. The index of a site is the number in its token: zq0000012 names site 12.
type tokens []*Site

// site returns the site of a token that tokenPattern has matched. It returns nil if the run has no such token: the
// text of the user may look like one by chance.
func (t tokens) site(match []string) *Site {
	number, err := strconv.Atoi(match[1] + match[2])
	if err != nil || number >= len(t) {
		return nil
	}
	return t[number]
}

// withoutTokens replaces each token in a text by the value that stood at its site. It turns the name zq0000007-web
// back into api-web.
func (t tokens) withoutTokens(text string) string {
	return tokenPattern.ReplaceAllStringFunc(text, func(token string) string {
		if s := t.site(tokenPattern.FindStringSubmatch(token)); s != nil {
			return s.Value
		}
		return token
	})
}
