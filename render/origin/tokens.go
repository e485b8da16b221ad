package origin

import (
	"strconv"
)

// tokens are the sites of a run by the number of their token.
type tokens []*Site

// site returns the site of a token that tokenPattern has matched; nil if there is none.
func (t tokens) site(match []string) *Site {
	number, err := strconv.Atoi(match[1] + match[2])
	if err != nil || number >= len(t) {
		return nil
	}
	return t[number]
}

// withoutTokens returns a text with the values of their sites in the place of tokens.
func (t tokens) withoutTokens(text string) string {
	return tokenPattern.ReplaceAllStringFunc(text, func(token string) string {
		if s := t.site(tokenPattern.FindStringSubmatch(token)); s != nil {
			return s.Value
		}
		return token
	})
}
