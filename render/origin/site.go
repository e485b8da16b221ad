package origin

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Site is a place in an input where a token can be written. A token at the value IfNotPresent in values.yaml:14
// shows which fields this value decides. A token at the line "imagePullPolicy: …" of a template shows which fields
// this line writes. SiteKind lists the kinds with examples.
type Site struct {
	Input *Input
	Kind  SiteKind
	// Start and End are the byte offsets of the text that a token replaces. They are equal where a token is inserted.
	Start, End int
	// Value is the text of the file at a ValueSite or NameSite: IfNotPresent.
	Value string
	// Field is the key that the line of a LineAnchor or LineSibling writes: imagePullPolicy, or image.
	Field string
	// SpanStart and SpanEnd are the byte offsets of the text that reports show, where that is not the text from
	// Start to End: the whole line of a LineAnchor, for example. Otherwise both are 0.
	SpanStart, SpanEnd int
	// InFlow is true if the span stands in a mapping in flow style: {image: a, tag: b}.
	InFlow bool
	// Key is the path of the site in the values of a chart, as messages write it: image.pullPolicy.
	Key string
	// Place and Path say where the missing key of a KeyInsertion belongs. Place is a mapping of the file; it is the
	// whole file for a values.yaml. Path leads from this mapping to the value: image.pullPolicy.
	Place yamldoc.Place
	Path  yamldoc.Path
	// Aliases are the YAML aliases in the same file that repeat the value of the site by its anchor.
	Aliases []Alias
	// InChartValues is true if the site is in the values that a kustomization gives a chart (valuesInline).
	InChartValues bool

	number int // in the token, and the index in tokens
	// encode returns the text that is written from Start to End for a token or another value. For a token it is
	// "zq0000012" in quotes at a ValueSite in YAML, and &zq0000013 at a LineAnchor of a template.
	encode func(value string) string
	// slot is where the missing key of a KeyInsertion is written; it is the slot of Place and Path.
	slot yamldoc.Slot
	// isBesideSibling is true for a KeyInsertion whose span is the line of the sibling field. The values then hold
	// a whole container, and the key is written beside its image.
	isBesideSibling bool
	// mayBeEmpty is true for a line that may write no value: any line of a template, and "imagePullPolicy:" or
	// "imagePullPolicy: null" in other files.
	mayBeEmpty bool
	// isNumber is true where only a number is valid, such as at a port. The token is then a number.
	isNumber bool
	// hasLineSibling is true for a LineAnchor whose line also has a LineSibling.
	hasLineSibling bool
}

// Alias is a YAML alias: *policy repeats the value that &policy marks.
type Alias struct {
	Start, End int
	Key        string // the path of the alias, in the form of Site.Key
}

// SiteKind says what stands at a site. The kind tells how to read the token of the site where it comes out in a
// field.
type SiteKind int

// The kinds of sites.
const (
	// ValueSite is a value that a query's field has, such as "pullPolicy: IfNotPresent" in values.yaml. The value becomes
	// the token: "pullPolicy: zq0000012". The token comes out in each field that this value decides.
	ValueSite SiteKind = iota
	// NameSite is another value under a key that is named like a field: "pullPolicy: on-change", which a template may turn
	// into IfNotPresent. A NameSite gets no token. The strategy tryOtherValue writes the replacement there.
	NameSite
	// LineAnchor is a line that writes a field. In a template the token is a YAML anchor:
	// "imagePullPolicy: &zq0000013 {{ .Values.policy }}". In other files it is one more key before the line:
	// zq0000013: "". The token shows the line on the way to the field, and not the value that decides the field.
	LineAnchor
	// LineSibling is a line of a template that has a LineAnchor, too. Its token is a key on a line of its own before the
	// line. A key is still there after fromYaml and toYaml; an anchor is lost.
	LineSibling
	// KeyInsertion is a key that no file sets and that a template reads: {{ .Values.image.pullPolicy }}, where
	// values.yaml has no pullPolicy below image. The token is written as the value of the new key.
	KeyInsertion
)

// A token is a word, zq0000012, or a whole number that fits into 32 bits, 1900000012. Neither occurs in real files.
// A word is short, so that functions such as trunc 63 keep all of it.
const (
	wordToken   = "zq%07d"
	numberToken = 1_900_000_000
)

var tokenPattern = regexp.MustCompile(`zq(\d{7})|\b19(\d{8})\b`)

// token returns the text that is written at the site, and that names the site where it comes out of a render.
func (s *Site) token() string {
	if s.isNumber {
		return strconv.Itoa(numberToken + s.number)
	}
	return fmt.Sprintf(wordToken, s.number)
}

// isLine reports whether the token of the site tells which line writes a field, and not which value decides it.
func (s *Site) isLine() bool { return s.Kind == LineAnchor || s.Kind == LineSibling }

// hasSpan reports whether the file has a text that a report can show for the site. A missing key at the top level
// of a file has none.
func (s *Site) hasSpan() bool { return s.SpanEnd > 0 }

// Location returns the location of the site for reports. The text in a flag has no line: its location is the flag
// and the key, as in "--set image.pullPolicy".
func (s *Site) Location() yamldoc.Location {
	start, end := s.Start, s.End
	if s.hasSpan() {
		start, end = s.SpanStart, s.SpanEnd
	}
	if s.Input.Use == render.UseFlag {
		key := flagKey(s.Input.Data, s.Start)
		return yamldoc.Location{Path: s.Input.Path + " " + key, Key: key}
	}
	location := s.Input.Text().Location(start, end)
	location.Path = s.Input.Path
	if s.Input.HoldsValues() && !s.isBesideSibling {
		location.Key = s.Key
	}
	return location
}

// flagKey returns the key of the value at an offset of a flag, which has the form KEY=VALUE,KEY=VALUE. In "a=1,b=2"
// the key at offset 6 is b.
func flagKey(flag []byte, offset int) string {
	before := flag[:offset]
	end := bytes.LastIndexByte(before, '=')
	if first := bytes.IndexByte(flag, '='); bytes.HasPrefix(bytes.TrimSpace(flag[first+1:]), []byte("{")) {
		end = first // JSON
	}
	return string(before[bytes.LastIndexByte(before[:max(end, 0)], ',')+1 : max(end, 0)])
}

// decidesByTemplate reports whether the site is in an input of a chart: a template, values, a declaration or a
// flag. A site in a manifest or a patch is not.
func (s *Site) decidesByTemplate() bool {
	switch s.Input.Use {
	case render.UseResource, render.UsePatch, render.UseKustomization:
		return s.InChartValues
	}
	return true
}

// Input is a file that the engine used, or the text of a flag, with the sites in it.
type Input struct {
	render.Input
	sites     []*Site
	isScanned bool          // sites are known
	isPruned  bool          // it is a template that the last render left empty
	text      *yamldoc.Text // made when it is first needed
}

// HoldsValues reports whether the keys of the input are values of a chart, so that Site.Key means something to the
// user.
func (in *Input) HoldsValues() bool {
	return in.Use == render.UseValues || in.Use == render.UseDeclaration
}

// Text returns the text of the input with its line index. The line index is made once.
func (in *Input) Text() *yamldoc.Text {
	if in.text == nil {
		in.text = yamldoc.NewText(in.Data)
	}
	return in.text
}
