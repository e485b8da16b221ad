package origin

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// place is a part of an input that may decide a field, or that tells where a field is written.
type place struct {
	in         *input
	number     int // of its token
	start, end int // of what is replaced; equal where something is inserted
	kind       kind
	// original is the value that stands there, mark the key of the field whose line this is.
	original, mark string
	// quoted says how a value is written there; for an insertion it makes the text of a value.
	quoted func(value string) string
	// shown is the part that a location has, where that is not what is replaced.
	shown [2]int
	flow  bool   // whether what is shown stands in a mapping in flow style
	key   string // the path in a values file
	// keys are those that an insertion adds to a mapping, one in the other, and top whether that is the whole file. An
	// insertion without a mapping is into an empty file, or the value of a key that has none.
	mapping *yaml.Node
	keys    []string
	top     bool
	// beside is true for a key that belongs beside the one that is shown.
	beside bool
	// aliases are where the file has the value by its anchor.
	aliases []alias
	// numeric is true where the token must be a number.
	numeric bool
	// empty is true for a line that may write nothing: of a template, or with no value or null.
	empty bool
	// feeds is true where the place is among the values that a kustomization gives a chart.
	feeds bool
	// hasSibling is true for the mark of a line that has a sibling, too.
	hasSibling bool
}

// alias is where a file has the value of an anchor.
type alias struct {
	start, end int
	key        string // the path in a values file
}

type kind int

const (
	literal   kind = iota // a value that a field has
	other                 // one that no field has, under a key like that of a field
	mark                  // of the line that writes a field: an anchor in a template, elsewhere a key
	sibling               // of such a line of a template: a key, which goes through parsers
	insertion             // of a key that no file sets
)

// Tokens are words, or whole numbers that fit 32 bits, which occur nowhere in practice. What templates do to short
// words leaves them whole.
const (
	wordToken   = "zq%07d"
	numberToken = 1_900_000_000
)

var token = regexp.MustCompile(`zq(\d{7})|\b19(\d{8})\b`)

func (p *place) token() string {
	if p.numeric {
		return strconv.Itoa(numberToken + p.number)
	}
	return fmt.Sprintf(wordToken, p.number)
}

// dyed is the token as it stands in the file.
func (p *place) dyed() string { return p.quoted(p.token()) }

func isNumber(value string) bool {
	_, err := strconv.ParseInt(value, 10, 64)
	return err == nil
}

// location is the place as reports have it.
func (p *place) location() yamldoc.Location {
	start, end := p.start, p.end
	if p.shown[1] > 0 {
		start, end = p.shown[0], p.shown[1]
	}
	if p.in.Use == render.UseFlag {
		key := flagKey(p.in.Data, p.start)
		return yamldoc.Location{Path: p.in.Path + " " + key, Key: key}
	}
	location := p.in.text().Location(start, end)
	location.Path = p.in.Path
	if p.in.hasKeys() && !p.beside {
		location.Key = p.key
	}
	return location
}

// flagKey is the key to which a flag gives what stands at an offset: KEY=VALUE,KEY=VALUE.
func flagKey(flag []byte, offset int) string {
	before := flag[:offset]
	end := bytes.LastIndexByte(before, '=')
	if first := bytes.IndexByte(flag, '='); bytes.HasPrefix(bytes.TrimSpace(flag[first+1:]), []byte("{")) {
		end = first // JSON
	}
	return string(before[bytes.LastIndexByte(before[:max(end, 0)], ',')+1 : max(end, 0)])
}

// input is a file that the engine used, with the places in it.
type input struct {
	render.Input
	places []*place
	found  bool // places
	pruned bool // in the last render
	lines  *yamldoc.Text
}

// hasKeys reports whether the keys of the file are those of values.
func (in *input) hasKeys() bool { return in.Use == render.UseValues || in.Use == render.UseDeclaration }

func (in *input) text() *yamldoc.Text {
	if in.lines == nil {
		in.lines = yamldoc.NewText(in.Data)
	}
	return in.lines
}

// input returns what is known of a file.
func (t *tracer) input(in render.Input) *input {
	id := in.Path
	switch in.Use {
	case render.UseFlag:
		id += "\x00" + string(in.Data) // Flags have no path of their own.
	case render.UseChartFile:
		id += "\x00" // Values files are files of the chart, too.
	}
	if in.Outside {
		id = "\x00" + id
	}
	known := t.inputs[id]
	if known == nil {
		known = &input{Input: in}
		t.inputs[id] = known
		t.order = append(t.order, known)
	}
	return known
}

// add adds a place to an input and gives it its token.
func (t *tracer) add(in *input, p *place) {
	p.in, p.number = in, len(t.places)
	t.places = append(t.places, p)
	in.places = append(in.places, p)
}

// replace returns the input with what pick picks in its places.
func (t *tracer) replace(in *input, pick func(*place) (string, bool)) []byte {
	if !in.found {
		in.found = true
		t.find(in)
	}
	type edit struct {
		*place
		text string
	}
	var edits []edit
	for _, p := range in.places {
		if text, ok := pick(p); ok {
			edits = append(edits, edit{p, text})
		}
	}
	if len(edits) == 0 {
		return in.Data
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end)) })
	var data []byte
	from := 0
	for _, e := range edits {
		if e.start < from {
			continue // in what another has replaced
		}
		data = append(append(data, in.Data[from:e.start]...), e.text...)
		from = e.end
	}
	return append(data, in.Data[from:]...)
}

// find finds the places of an input.
func (t *tracer) find(in *input) {
	switch in.Use {
	case render.UseTemplate:
		t.findInTemplate(in, 0, len(in.Data))
	case render.UseFlag:
		t.findInText(in, 0, in.Data)
	case render.UseMetadata:
		t.findAppVersion(in)
	case render.UseChartFile:
		if t.mentions(string(in.Data)) && (bytes.Contains(in.Data, []byte("{{")) || !t.findInYAML(in, 0, len(in.Data))) {
			t.findInTemplate(in, 0, len(in.Data))
		}
	default:
		if (in.Use == render.UseValues || t.mentions(string(in.Data))) && !t.findInYAML(in, 0, len(in.Data)) {
			t.findWords(in, 0, string(in.Data)) // such as the variables of a generator
		}
	}
}

// wanted is what the questions ask for, taken together.
type wanted struct {
	values map[string]bool // that the fields have
	fields map[string]bool // their keys
	nears  map[string]bool // the keys near those that are missing
	// nearValues are what these keys have.
	nearValues map[string]bool
	paths      map[string]bool // of their objects' documents
	names      [][]byte        // of their objects
	// words matches a value as a word in a text; nil if there is none that is distinct. Values that are not, such as
	// numbers, are looked for behind the keys of fields alone.
	words    *regexp.Regexp
	distinct []string
	behind   bool           // whether there are others
	line     *regexp.Regexp // matches the keys of fields, and of what is near them
	value    *regexp.Regexp // matches what stands before the value of a field
}

func newWanted(questions []*question) wanted {
	w := wanted{values: map[string]bool{}, fields: map[string]bool{}, nears: map[string]bool{}, nearValues: map[string]bool{}, paths: map[string]bool{}}
	var words []string
	for _, q := range questions {
		if q.value != "" && !w.values[q.value] {
			w.values[q.value] = true
			if isDistinct(q.value) {
				w.distinct = append(w.distinct, q.value)
				words = append(words, regexp.QuoteMeta(q.value))
			} else {
				w.behind = true
			}
		}
		w.fields[q.Path.Last()] = true
		if q.value == "" && len(q.Near) > 0 {
			w.nears[q.Near.Last()] = true
			w.nearValues[yamldoc.ScalarAt(q.Manifest.Node, q.Near)] = true
		}
		w.paths[q.Manifest.Document.Path] = true
		if name := []byte(q.Manifest.Name); len(name) > 0 && !slices.ContainsFunc(w.names, func(n []byte) bool { return bytes.Equal(n, name) }) {
			w.names = append(w.names, name)
		}
	}
	if len(words) > 0 {
		slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
		w.words = regexp.MustCompile(`(?:^|[^\w.-])(` + strings.Join(words, "|") + `)(?:$|[^\w.-])`)
	}
	fields, nears := anyOf(w.fields), anyOf(w.nears)
	w.value = regexp.MustCompile(`(?:^|[\s{,"'])(?:` + fields + `)["']?:[ \t]*["']?$`)
	if len(w.nears) > 0 {
		fields += "|" + nears
	}
	w.line = regexp.MustCompile(`(?m)(?:^|[\s{,"'])(` + fields + `)["']?:`)
	return w
}

// isDistinct reports whether a value is unlikely to stand in a text by chance.
func isDistinct(value string) bool {
	return len(value) >= 3 && !isNumber(value) && value != "true" && value != "false"
}

// needed reports whether the text of a template is, for the questions: their objects come from it, or it defines
// what others include.
func (w *wanted) needed(in render.Input) bool {
	return w.paths[in.Path] || bytes.Contains(in.Data, []byte("define")) || bytes.Contains(in.Data, []byte("block"))
}

// mentions reports whether a text may have a place. It is quick where looking for places is slow.
func (w *wanted) mentions(text string) bool {
	return w.mentionsKey(text) || w.behind || w.mentionsValue(text)
}

func (w *wanted) mentionsKey(text string) bool {
	for _, keys := range []map[string]bool{w.fields, w.nears} {
		for key := range keys {
			if strings.Contains(text, key) {
				return true
			}
		}
	}
	return false
}

func (w *wanted) mentionsValue(text string) bool {
	return slices.ContainsFunc(w.distinct, func(value string) bool { return strings.Contains(text, value) })
}

// mayHold reports whether a rendered text may have an object that is asked for.
func (w *wanted) mayHold(text []byte) bool {
	return token.Match(text) || slices.ContainsFunc(w.names, func(name []byte) bool { return bytes.Contains(text, name) }) || w.mentionsKey(string(text))
}

// isPartOf reports whether a value is one of some, or a part of one between separators.
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
			if (start == 0 || strings.ContainsRune(separators, rune(whole[start-1]))) && (end == len(whole) || strings.ContainsRune(separators, rune(whole[end]))) {
				return true
			}
			from = start + 1
		}
	}
	return false
}

// separators stand between the parts of an image, a URL and the like.
const separators = "/:@"

// isLike reports whether a key is likely to hold a field's value: one of the two ends with the other, as
// imagePullPolicy with pullPolicy.
func (w *wanted) isLike(key string) bool {
	if len(key) < 4 {
		return w.fields[key]
	}
	lower := strings.ToLower(key)
	for field := range w.fields {
		f := strings.ToLower(field)
		if strings.HasSuffix(lower, f) || strings.HasSuffix(f, lower) {
			return true
		}
	}
	return false
}

// anyOf is an expression that matches one of some keys.
func anyOf(keys map[string]bool) string {
	var quoted []string
	for _, key := range sortedKeys(keys) {
		quoted = append(quoted, regexp.QuoteMeta(key))
	}
	return strings.Join(quoted, "|")
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
