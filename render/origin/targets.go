package origin

import (
	"bytes"
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// targets is what the scanners look for: the fields of all queries taken together.
type targets struct {
	values        map[string]bool // values of the fields
	fields        map[string]bool // keys of the fields
	siblings      map[string]bool // keys of the sibling fields of missing fields
	siblingValues map[string]bool // their values
	documents     map[string]bool // paths of the documents of the objects
	names         [][]byte        // names of the objects

	// words matches a distinct value as a word in a text; it is nil if no value is distinct. Other values, such as numbers,
	// are looked for behind the keys of fields alone.
	words         *regexp.Regexp
	distinct      []string
	hasIndistinct bool
	lineKey       *regexp.Regexp // matches the keys of fields and of sibling fields
	beforeValue   *regexp.Regexp // matches what stands before the value of a field

	// declaration is what declares the source; nil if nothing does.
	declaration *declared.Declaration
}

func newTargets(queries []*query, declaration *declared.Declaration) *targets {
	t := &targets{
		values: map[string]bool{}, fields: map[string]bool{}, siblings: map[string]bool{}, siblingValues: map[string]bool{},
		documents: map[string]bool{}, declaration: declaration,
	}
	for _, q := range queries {
		t.addQuery(q)
	}
	if len(t.distinct) > 0 {
		words := make([]string, len(t.distinct))
		for i, value := range t.distinct {
			words[i] = regexp.QuoteMeta(value)
		}
		slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
		t.words = regexp.MustCompile(`(?:^|[^\w.-])(` + strings.Join(words, "|") + `)(?:$|[^\w.-])`)
	}
	keys := anyOf(t.fields)
	t.beforeValue = regexp.MustCompile(`(?:^|[\s{,"'])(?:` + keys + `)["']?:[ \t]*["']?$`)
	if len(t.siblings) > 0 {
		keys += "|" + anyOf(t.siblings)
	}
	t.lineKey = regexp.MustCompile(`(?m)(?:^|[\s{,"'])(` + keys + `)["']?:`)
	return t
}

func (t *targets) addQuery(q *query) {
	if q.value != "" && !t.values[q.value] {
		t.values[q.value] = true
		if isDistinct(q.value) {
			t.distinct = append(t.distinct, q.value)
		} else {
			t.hasIndistinct = true
		}
	}
	t.fields[q.Path.Last()] = true
	if q.value == "" && len(q.SiblingField) > 0 {
		t.siblings[q.SiblingField.Last()] = true
		t.siblingValues[yamldoc.ScalarAt(q.Manifest.Node, q.SiblingField)] = true
	}
	t.documents[q.Manifest.Document.Path] = true
	isName := func(name []byte) bool { return string(name) == q.Manifest.Name }
	if q.Manifest.Name != "" && !slices.ContainsFunc(t.names, isName) {
		t.names = append(t.names, []byte(q.Manifest.Name))
	}
}

// isDistinct reports whether a value is unlikely to stand in a text by chance.
func isDistinct(value string) bool {
	return len(value) >= 3 && !isWholeNumber(value) && value != "true" && value != "false"
}

func isWholeNumber(value string) bool {
	_, err := strconv.ParseInt(value, 10, 64)
	return err == nil
}

// needs reports whether the text of a template matters: an object comes from it, or it defines what other templates
// include.
func (t *targets) needs(in render.Input) bool {
	return t.documents[in.Path] || bytes.Contains(in.Data, []byte("define")) || bytes.Contains(in.Data, []byte("block"))
}

// couldHaveSite reports whether a text may have a site. It is quick where a scan is slow, and never wrong when it says no.
func (t *targets) couldHaveSite(text string) bool {
	return t.mentionsKey(text) || t.hasIndistinct || t.mentionsValue(text)
}

func (t *targets) mentionsKey(text string) bool {
	for _, keys := range []map[string]bool{t.fields, t.siblings} {
		for key := range keys {
			if strings.Contains(text, key) {
				return true
			}
		}
	}
	return false
}

func (t *targets) mentionsValue(text string) bool {
	return slices.ContainsFunc(t.distinct, func(value string) bool { return strings.Contains(text, value) })
}

// couldHoldObject reports whether a rendered text may have the object of a query.
func (t *targets) couldHoldObject(text []byte) bool {
	hasName := func(name []byte) bool { return bytes.Contains(text, name) }
	return tokenPattern.Match(text) || slices.ContainsFunc(t.names, hasName) || t.mentionsKey(string(text))
}

// isLineKey reports whether the line of a key tells where a field is written, or where it could be.
func (t *targets) isLineKey(key string) bool { return t.fields[key] || t.siblings[key] }

// isIdentity reports whether what stands below a key of a declaration says which thing is deployed, so that no token may
// replace it.
func (t *targets) isIdentity(key string) bool {
	return t.declaration != nil && slices.Contains(t.declaration.Identity, key)
}

// isNamedLikeField reports whether a key is likely to hold the value of a field: one of the two names ends with the other,
// as imagePullPolicy ends with pullPolicy.
func (t *targets) isNamedLikeField(key string) bool {
	if len(key) < 4 {
		return t.fields[key]
	}
	lower := strings.ToLower(key)
	for field := range t.fields {
		f := strings.ToLower(field)
		if strings.HasSuffix(lower, f) || strings.HasSuffix(f, lower) {
			return true
		}
	}
	return false
}

// isPartOf reports whether a value is one of some values, or a part of one between separators: 1.2 of example/api:1.2.
func isPartOf(values map[string]bool, value string) bool {
	if values[value] {
		return true
	}
	if value == "" {
		return false
	}
	for whole := range values {
		for from := 0; from < len(whole); {
			i := strings.Index(whole[from:], value)
			if i < 0 {
				break
			}
			start, end := from+i, from+i+len(value)
			if (start == 0 || isSeparator(whole[start-1])) && (end == len(whole) || isSeparator(whole[end])) {
				return true
			}
			from = start + 1
		}
	}
	return false
}

// isSeparator reports whether a character stands between the parts of an image or a URL.
func isSeparator(c byte) bool { return c == '/' || c == ':' || c == '@' }

// anyOf returns an expression that matches one of some keys.
func anyOf(keys map[string]bool) string {
	var quoted []string
	for _, key := range sortedKeys(keys) {
		quoted = append(quoted, regexp.QuoteMeta(key))
	}
	return strings.Join(quoted, "|")
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
