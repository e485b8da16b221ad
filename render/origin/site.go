package origin

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Site is a place in an input that may decide a field, or that tells which line writes a field.
type Site struct {
	Input *Input
	Kind  SiteKind
	// Start and End are the offsets of what a token replaces. They are equal where something is inserted.
	Start, End int
	// Value is the value that stands at a ValueSite or a NameSite.
	Value string
	// Field is the key that the line of a LineAnchor or LineSibling writes.
	Field string
	// SpanStart and SpanEnd are the offsets of the part that reports show, if that is not the part that is replaced. Both
	// are 0 if it is.
	SpanStart, SpanEnd int
	// InFlow is true if the span stands in a mapping in flow style.
	InFlow bool
	// Key is the path in the values that the file gives a chart, as messages write it: image.pullPolicy.
	Key string
	// Place and Path say where the missing key of a KeyInsertion belongs: Path leads from the mapping at Place to the value.
	Place yamldoc.Place
	Path  yamldoc.Path
	// Aliases are where the file repeats the value by its anchor.
	Aliases []Alias
	// InChartValues is true if the site is among the values that a kustomization gives a chart.
	InChartValues bool

	number int // of the token
	// encode returns a value as it is written at the site; for a line, with what goes around it.
	encode func(value string) string
	// slot is where the missing key of a KeyInsertion is written.
	slot yamldoc.Slot
	// isSibling is true for the KeyInsertion of a key that belongs beside the line that the span is.
	isSibling bool
	// mayBeEmpty is true for a line that may write nothing: a line of a template, or one without a value or with null.
	mayBeEmpty bool
	// isNumber is true where the token must be a number.
	isNumber bool
	// hasSibling is true for the LineAnchor of a line for which there is a LineSibling, too.
	hasSibling bool
}

// Alias is a YAML alias (*name) that stands for the value of a site.
type Alias struct {
	Start, End int
	Key        string // as in Site
}

// SiteKind says what stands at a site, and so what a token in a field shows.
type SiteKind int

// The kinds of sites.
const (
	ValueSite    SiteKind = iota // a value that a field has
	NameSite                     // a value that no field has, under a key that is named like a field
	LineAnchor                   // the line that writes a field: an anchor in a template, a key in other files
	LineSibling                  // the same line of a template: a key, which survives parsers
	KeyInsertion                 // a key that no file sets
)

// A token is a word, or a whole number that fits into 32 bits, that occurs nowhere in practice. What templates do to short
// words, such as upper or trunc 63, leaves the words whole.
const (
	wordToken   = "zq%07d"
	numberToken = 1_900_000_000
)

var tokenPattern = regexp.MustCompile(`zq(\d{7})|\b19(\d{8})\b`)

// token returns the text that names the site when it comes out of a render.
func (s *Site) token() string {
	if s.isNumber {
		return strconv.Itoa(numberToken + s.number)
	}
	return fmt.Sprintf(wordToken, s.number)
}

// isLine reports whether the site tells which line writes a field.
func (s *Site) isLine() bool { return s.Kind == LineAnchor || s.Kind == LineSibling }

// hasSpan reports whether there is something in the file to show: a key at the top of a file has nothing.
func (s *Site) hasSpan() bool { return s.SpanEnd > 0 }

// Location returns the location of the site as reports have it.
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
	if s.Input.HoldsValues() && !s.isSibling {
		location.Key = s.Key
	}
	return location
}

// flagKey returns the key to which a flag, KEY=VALUE,KEY=VALUE, gives what stands at an offset.
func flagKey(flag []byte, offset int) string {
	before := flag[:offset]
	end := bytes.LastIndexByte(before, '=')
	if first := bytes.IndexByte(flag, '='); bytes.HasPrefix(bytes.TrimSpace(flag[first+1:]), []byte("{")) {
		end = first // JSON
	}
	return string(before[bytes.LastIndexByte(before[:max(end, 0)], ',')+1 : max(end, 0)])
}

// decidesByTemplate reports whether the site is in what a chart is rendered from, and not in a manifest or a patch.
func (s *Site) decidesByTemplate() bool {
	switch s.Input.Use {
	case render.UseResource, render.UsePatch, render.UseKustomization:
		return s.InChartValues
	}
	return true
}

// Input is a file, or the text of a flag, that the engine used, with the sites in it.
type Input struct {
	render.Input
	sites     []*Site
	isScanned bool
	isPruned  bool // in the last render
	text      *yamldoc.Text
}

// HoldsValues reports whether the keys of the file are values of a chart.
func (in *Input) HoldsValues() bool {
	return in.Use == render.UseValues || in.Use == render.UseDeclaration
}

// Text returns the text of the input, which finds positions in it.
func (in *Input) Text() *yamldoc.Text {
	if in.text == nil {
		in.text = yamldoc.NewText(in.Data)
	}
	return in.text
}
