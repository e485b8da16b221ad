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

// targets are the keys, values and objects that findSites looks for. They come from all queries together, so that
// one scan of a file serves all queries.
type targets struct {
	values        map[string]bool // values of the fields: IfNotPresent
	fields        map[string]bool // keys of the fields: imagePullPolicy
	siblings      map[string]bool // keys of the sibling fields of missing fields: image
	siblingValues map[string]bool // values of these sibling fields: example/api:1.2
	documents     map[string]bool // paths of the files that the objects were rendered from: templates/api.yaml
	names         [][]byte        // names of the objects

	// wordPattern matches a distinct value as a word in a text; it is nil if no value is distinct. The scanner
	// looks for the other values, such as numbers, only behind the keys of fields.
	wordPattern   *regexp.Regexp
	distinct      []string
	hasIndistinct bool
	lineKey       *regexp.Regexp // matches the key of a field or sibling field, and its colon
	beforeValue   *regexp.Regexp // matches a text that ends where the value of a field starts

	// declaration says which object declares the source; nil if no object does.
	declaration *declared.Declaration
}

func newTargets(queries []*query, declaration *declared.Declaration) *targets {
	t := emptyTargets()
	t.declaration = declaration
	for _, q := range queries {
		t.addQuery(q)
	}
	t.compile()
	return t
}

func emptyTargets() *targets {
	return &targets{
		values: map[string]bool{}, fields: map[string]bool{}, siblings: map[string]bool{}, siblingValues: map[string]bool{},
		documents: map[string]bool{},
	}
}

// compile makes the patterns from the keys and values.
func (t *targets) compile() {
	if len(t.distinct) > 0 {
		words := make([]string, len(t.distinct))
		for i, value := range t.distinct {
			words[i] = regexp.QuoteMeta(value)
		}
		slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
		t.wordPattern = regexp.MustCompile(`(?:^|[^\w.-])(` + strings.Join(words, "|") + `)(?:$|[^\w.-])`)
	}
	keys := anyOf(t.fields)
	t.beforeValue = regexp.MustCompile(`(?:^|[\s{,"'])(?:` + keys + `)["']?:[ \t]*["']?$`)
	if len(t.siblings) > 0 {
		keys += "|" + anyOf(t.siblings)
	}
	t.lineKey = regexp.MustCompile(`(?m)(?:^|[\s{,"'])(` + keys + `)["']?:`)
}

func (t *targets) addQuery(q *query) {
	t.addValue(q.value)
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

func (t *targets) addValue(value string) {
	if value == "" || t.values[value] {
		return
	}
	t.values[value] = true
	if isDistinct(value) {
		t.distinct = append(t.distinct, value)
	} else {
		t.hasIndistinct = true
	}
}

// isDistinct reports whether a value is unlikely to stand in a text by chance. IfNotPresent is distinct; 80, true
// and v1 are not.
func isDistinct(value string) bool {
	return len(value) >= 3 && !isWholeNumber(value) && value != "true" && value != "false"
}

func isWholeNumber(value string) bool {
	_, err := strconv.ParseInt(value, 10, 64)
	return err == nil
}

// needsTemplate reports whether a render needs the text of a template: an object of a query comes from the
// template, or it defines what other templates include. The other templates are left empty, which makes the render
// quicker.
func (t *targets) needsTemplate(in render.Input) bool {
	return t.documents[in.Path] || bytes.Contains(in.Data, []byte("define")) || bytes.Contains(in.Data, []byte("block"))
}

// couldHaveSite reports whether a text may have a site. It is a quick search for substrings before the slow scan.
// It is sometimes wrong when it says yes, and never when it says no.
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

// couldHoldObject reports whether a rendered document may hold the object of a query. The other documents are not
// parsed.
func (t *targets) couldHoldObject(text []byte) bool {
	hasName := func(name []byte) bool { return bytes.Contains(text, name) }
	return tokenPattern.Match(text) || slices.ContainsFunc(t.names, hasName) || t.mentionsKey(string(text))
}

// isLineKey reports whether a line with this key is a LineAnchor: the line writes a field, or a sibling field
// beside which the field can be written.
func (t *targets) isLineKey(key string) bool { return t.fields[key] || t.siblings[key] }

// isIdentity reports whether a key of a declaration says what is deployed, such as repoURL. A token there would
// deploy something else.
func (t *targets) isIdentity(key string) bool {
	return t.declaration != nil && slices.Contains(t.declaration.Identity, key)
}

// isNamedLikeField reports whether a key probably holds the value of a field: one of the two names ends with the
// other. imagePullPolicy ends with pullPolicy.
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

// isPartOf reports whether a value is equal to one of values, or is a part of it between separators: 1.2 is a part
// of example/api:1.2, and pi is not.
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

// isSeparator reports whether a character separates the parts of an image or a URL.
func isSeparator(c byte) bool { return c == '/' || c == ':' || c == '@' }

// anyOf returns a regular expression that matches any of the keys.
func anyOf(keys map[string]bool) string {
	var quoted []string
	for _, key := range sortedKeys(keys) {
		quoted = append(quoted, regexp.QuoteMeta(key))
	}
	return strings.Join(quoted, "|")
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
