package appset

import (
	"errors"
	"path"
	"regexp"
	"strings"
)

// pathspec returns a function that reports whether `git ls-files -- PATTERN`, run at the root of a repository, lists a
// file. Argo CD finds the files of a git generator with this command (util/git/client.go, LsFiles). A wildcard matches
// slashes too, and the path of a directory matches all files in it: "a/*.json" matches a/b/c.json, and "a" matches
// a/b.
//
// Argo CD's option --enable-new-git-file-globbing selects other patterns. It is off by default and not supported here.
func pathspec(pattern string) (func(file string) bool, error) {
	if strings.HasPrefix(pattern, ":") {
		return nil, errors.New("the signature after a leading colon is not known here")
	}
	clean := path.Clean(pattern)
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return nil, errors.New("it leads out of the repository")
	}
	below := clean + "/"
	if strings.HasSuffix(pattern, "/") {
		clean = below
	}
	var wildcard *regexp.Regexp
	if strings.ContainsAny(clean, `*?[\`) {
		var err error
		if wildcard, err = regexp.Compile(wildmatch(clean)); err != nil {
			return nil, err
		}
	}
	return func(file string) bool {
		return clean == "." || file == clean || strings.HasPrefix(file, below) ||
			wildcard != nil && wildcard.MatchString(file)
	}, nil
}

// brackets matches a character set after its opening bracket: group 1 is the negation, if any, group 2 what is in the
// set.
var brackets = regexp.MustCompile(`^([!^]?)(\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])+|\])\]`)

// setPart matches a part of a character set: a class, a character, or an escaped one.
var setPart = regexp.MustCompile(`(?s)\[:[a-z]+:\]|\\?.`)

// quoteSetPart translates a part of git's character sets into a regular expression: [\d] is the letter d.
func quoteSetPart(part string) string {
	char := strings.TrimPrefix(part, `\`)
	switch {
	case part == "-", strings.HasPrefix(part, "[:"):
		return part
	case strings.ContainsAny(char, `\[]^-`):
		return `\` + char
	}
	return char
}

// matchesNothing is a regular expression for a pattern that ends within a set or an escape: git finds it only
// literally.
const matchesNothing = `[^\x00-\x{10FFFF}]`

// wildmatch translates a pattern of git into a regular expression (wildmatch.c of git, without WM_PATHNAME).
func wildmatch(pattern string) string {
	var expression strings.Builder
	for pattern != "" {
		char, rest := pattern[:1], pattern[1:]
		set := brackets.FindStringSubmatch(rest)
		switch {
		case char == "*":
			expression.WriteString(`.*`)
		case char == "?":
			expression.WriteString(`.`)
		case char == "[" && set != nil:
			rest = rest[len(set[0]):]
			expression.WriteString("[")
			if set[1] != "" {
				expression.WriteString("^")
			}
			expression.WriteString(setPart.ReplaceAllStringFunc(set[2], quoteSetPart) + "]")
		case char == `\` && rest != "":
			expression.WriteString(regexp.QuoteMeta(rest[:1]))
			rest = rest[1:]
		case char == "[" || char == `\`:
			return matchesNothing
		default:
			expression.WriteString(regexp.QuoteMeta(char))
		}
		pattern = rest
	}
	return `(?s)^` + expression.String() + `$`
}
