package fix

import (
	"bytes"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Candidate is an edit that might be a fix, as an intent, before it is proven. For example, the candidate "set
// image.pullPolicy to Always" has one change: the value Always at image.pullPolicy in charts/api/values.yaml.
type Candidate struct {
	// Message says what the changes do, as in: set image.pullPolicy to Always.
	Message string
	Changes []Change
}

// Change is an intended change of one file. Exactly one of its pointers is not nil. The text of values and items is made
// when it is known what else changes in the file: two keys below one missing key share that key.
type Change struct {
	Value *Value
	Item  *Item
	Edit  *yamldoc.Edit
}

// Value is a scalar that is written at a path below a mapping of a file, with the mappings on the way that are missing.
type Value struct {
	File  string
	Place yamldoc.Place
	Path  yamldoc.Path
	Text  string
}

// Item is an item that is added to the list at a key of a file. The first of its lines begins with a dash.
type Item struct {
	File, List string
	Lines      []string
}

// file returns the path of the file that changes.
func (c Change) file() string {
	switch {
	case c.Value != nil:
		return c.Value.File
	case c.Item != nil:
		return c.Item.File
	}
	return c.Edit.Path
}

// Candidates returns the candidates for the hits of a source that was traced, of which each has the trace at its index. The
// candidates of a hit that surprise least come first: to change the value where it was decided, to set a key that the
// templates read, to write the field where the object is written, to override values of a chart that is not the user's, and
// to patch what a kustomization fetches. Nothing is rendered.
func Candidates(fsys fs.FS, source render.Source, traced *origin.Result, hits []check.Hit) map[check.ContainerRef][]Candidate {
	f := &finder{tree: fsys, source: source, traces: traced.Traces}
	for _, file := range traced.ValuesFiles {
		if !f.isEditable(file.Input) {
			continue
		}
		if document, err := yamldoc.Open(file.Input.Text(), file.Place); err == nil {
			f.values = append(f.values, openValues{file, document})
		}
	}
	all := map[check.ContainerRef][]Candidate{}
	for i := range hits {
		all[hits[i].Ref] = f.find(&traced.Traces[i])
	}
	return all
}

// finder finds the candidates for the traces of one source.
type finder struct {
	tree   fs.FS
	source render.Source
	traces []origin.Trace
	values []openValues
}

// openValues is a values file of the user, and the document in it.
type openValues struct {
	origin.ValuesFile
	document *yamldoc.Document
}

func (f *finder) find(t *origin.Trace) []Candidate {
	sites := t.Decided
	if valueOf(t) == "" {
		sites = slices.Concat(sites, t.EmptyLines(), t.SiblingLines)
	}
	var all []Candidate
	for _, s := range sites {
		all = append(all, f.atSite(s, t)...)
	}
	return slices.Concat(all, f.overrides(t), f.patches(f.writer(t)))
}

// valueOf returns the value of a trace's field; "" if the field is missing or null.
func valueOf(t *origin.Trace) string { return yamldoc.ScalarAt(t.Manifest.Node, t.Path) }

// isEditable reports whether an input is a file of the user's tree.
func (f *finder) isEditable(in *origin.Input) bool {
	return in.Use != render.UseFlag && !in.Outside && in.From.Path == "" && f.isRegular(in.Path)
}

// isRegular reports whether a file of the tree can be edited: no symbolic link leads to it.
func (f *finder) isRegular(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	info, err := fs.Lstat(f.tree, name)
	return err == nil && info.Mode().IsRegular() && tree.Follow(f.tree, name) == name
}

// isNull reports whether a plain scalar is null in YAML.
func isNull(value string) bool { return value == "~" || strings.EqualFold(value, "null") }

// setTo is the message of a candidate.
func setTo(key, value string) string { return "set " + key + " to " + value }

// atSite returns the candidates that edit a site itself.
func (f *finder) atSite(s *origin.Site, t *origin.Trace) []Candidate {
	isOtherValue := (s.Kind == origin.ValueSite || s.Kind == origin.NameSite) && s.Value != "" && !isNull(s.Value)
	if !f.isEditable(s.Input) || valueOf(t) == "" && isOtherValue {
		return nil
	}
	switch s.Kind {
	case origin.KeyInsertion:
		value := &Value{File: s.Input.Path, Place: s.Place, Path: s.Path, Text: t.Replacement}
		return []Candidate{{setTo(s.Key, t.Replacement), []Change{{Value: value}}}}
	case origin.LineAnchor, origin.LineSibling:
		return onLine(s, t)
	}
	key := s.Key
	if !s.Input.HoldsValues() && !s.InChartValues {
		key = t.Path.Last()
	}
	message := setTo(key, t.Replacement)
	text := yamldoc.InQuotes(s.Input.Data[s.Start:s.End], t.Replacement)
	all := []Candidate{{message, edit(s, s.Start, s.End, text)}}
	for _, alias := range s.Aliases { // where other values share the value
		if alias.Key != "" {
			message = setTo(alias.Key, t.Replacement)
		}
		all = append(all, Candidate{message, edit(s, alias.Start, alias.End, t.Replacement)})
	}
	return all
}

// edit returns the change that puts a text in the place of a part of a site's file.
func edit(s *origin.Site, start, end int, text string) []Change {
	e := s.Input.Text().Edit(s.Input.Path, start, end, text)
	return []Change{{Edit: &e}}
}

// onLine returns the candidates that write a field at a line: in the place of what the line gives the field, or beside the
// line of its sibling field.
func onLine(s *origin.Site, t *origin.Trace) []Candidate {
	field := t.Path.Last()
	text := field + ": " + t.Replacement
	message := "write " + text
	start := s.SpanStart
	if s.Field == field {
		return []Candidate{{message, edit(s, start, valueEnd(s), text)}}
	}
	if hasKeyBeside(s, field) {
		return nil // With two of them, which one counts depends on who reads it.
	}
	lines := s.Input.Text()
	if s.InFlow {
		return []Candidate{{message, edit(s, s.SpanEnd, s.SpanEnd, lines.PairBehind(start, s.SpanEnd, field, t.Replacement))}}
	}
	end, between := lines.LineEnd(start), lines.Newline()+lines.Indent(start)
	return []Candidate{{message, edit(s, end, end, between+text)}, {message, edit(s, start, start, text+between)}}
}

// actions matches the actions of a template, {{ … }}, on one line.
var actions = regexp.MustCompile(`\{\{.*?\}\}`)

// mask returns a text with a character in the place of each byte of its template actions.
func mask(text []byte, character string) []byte {
	return actions.ReplaceAllFunc(text, func(action []byte) []byte { return bytes.Repeat([]byte(character), len(action)) })
}

// valueEnd returns where the value on the line of a site ends, before a comment.
func valueEnd(s *origin.Site) int {
	text := mask(s.Input.Data[s.SpanStart:s.SpanEnd], "x")
	if i := bytes.Index(text, []byte(" #")); i >= 0 {
		return s.SpanStart + len(bytes.TrimRight(text[:i], " \t"))
	}
	return s.SpanEnd
}

// hasKeyBeside reports whether a template has a key in the mapping around the line of a site, perhaps behind a condition
// that does not hold. It goes by indentation.
func hasKeyBeside(s *origin.Site, key string) bool {
	if !bytes.Contains(s.Input.Data, []byte("{{")) {
		return false
	}
	data, start := mask(s.Input.Data, " "), s.SpanStart
	lineStart, lineEnd := bytes.LastIndexByte(data[:start], '\n')+1, len(data)
	if i := bytes.IndexByte(data[start:], '\n'); i >= 0 {
		lineEnd = start + i
	}
	column := start - lineStart
	isKey := regexp.MustCompile(`(?:^|[\s{,])["']?` + regexp.QuoteMeta(key) + `["']?:`)
	if s.InFlow {
		return isKey.Match(data[lineStart:lineEnd])
	}
	begins := func(content []byte) bool { at := isKey.FindIndex(content); return at != nil && at[0] == 0 }
	for _, line := range slices.Backward(bytes.Split(data[:start], []byte("\n"))) {
		content := bytes.TrimLeft(line, " -")
		indent := len(line) - len(content)
		if indent == column && begins(content) {
			return true
		}
		isFirst := bytes.ContainsRune(line[:indent], '-')
		if isFirst && indent <= column || hasContent(content) && indent < column {
			break
		}
	}
	for line := range bytes.SplitSeq(data[lineEnd:], []byte("\n")) {
		content := bytes.TrimLeft(line, " ")
		indent := len(line) - len(content)
		if indent == column && begins(content) {
			return true
		}
		if hasContent(content) && indent < column {
			break
		}
	}
	return false
}

// hasContent reports whether a line has more than white space and a comment.
func hasContent(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] != '#'
}

// overrides returns the candidates that set, in the user's own values, a value of a chart that is not the user's: for each
// name that the chart has there alone, and for all names together.
func (f *finder) overrides(t *origin.Trace) []Candidate {
	if len(t.Decided) == 0 || f.isEditable(t.Decided[0].Input) {
		return nil
	}
	var all []Candidate
	for _, file := range f.values {
		var keys []string
		var changes []Change
		for _, names := range t.ValuesPaths {
			var path yamldoc.Path
			for _, name := range names {
				path = append(path, yamldoc.Key(name))
			}
			full := file.Prefix.Below(path...)
			if _, ok := file.document.Slot(full); !ok {
				continue
			}
			change := Change{Value: &Value{File: file.Input.Path, Place: file.Place, Path: full, Text: t.Replacement}}
			all = append(all, Candidate{setTo(path.String(), t.Replacement), []Change{change}})
			keys, changes = append(keys, path.String()), append(changes, change)
		}
		if len(keys) > 1 {
			all = append(all, Candidate{setTo(strings.Join(keys, " and "), t.Replacement), changes})
		}
	}
	return all
}

// writer returns the trace of the object that writes the value at the decision, where another object has a copy of the
// value, as by a replacement of Kustomize. It returns the trace itself where no writer is known.
func (f *finder) writer(t *origin.Trace) *origin.Trace {
	if t.Decided == nil || isWriter(t) {
		return t
	}
	for i := range f.traces {
		other := &f.traces[i]
		if other.Decided != nil && other.Decided[0] == t.Decided[0] && isWriter(other) {
			return other
		}
	}
	return t
}

// isWriter reports whether a line of the object writes the value at the decision.
func isWriter(t *origin.Trace) bool {
	at := t.Decided[0].Location()
	return slices.ContainsFunc(t.Lines, func(s *origin.Site) bool {
		line := s.Location()
		return line.Path == at.Path && line.Line == at.Line
	})
}

// patches returns the candidates that patch the object in the kustomization that fetches what the object is made from.
func (f *finder) patches(t *origin.Trace) []Candidate {
	file, data, ok := kustomizationOf(f.tree, f.source)
	if !ok || t.Manifest.Name == "" || !f.isRegular(file) {
		return nil
	}
	document, err := yamldoc.Open(yamldoc.NewText(data), yamldoc.Place{})
	if err != nil {
		return nil
	}
	names := []string{t.Manifest.Name}
	if k, err := kustomize.Parse(file, data); err == nil {
		// A patch sees the object before the kustomization renames it.
		name := strings.TrimSuffix(strings.TrimPrefix(t.Manifest.Name, k.NamePrefix), k.NameSuffix)
		if name != t.Manifest.Name {
			names = append(names, name)
		}
	}
	var all []Candidate
	for _, name := range names {
		item := patchItem(file, name, t)
		if _, err := document.Append(file, item.List, [][]string{item.Lines}); err != nil {
			return nil
		}
		message := "patch " + t.Manifest.Kind + "/" + name + " in the kustomization"
		all = append(all, Candidate{message, []Change{{Item: item}}})
	}
	return all
}

// patchItem returns the item for the patches of a kustomization that gives an object of a name its replacement.
func patchItem(file, name string, t *origin.Trace) *Item {
	pointer := ""
	for _, step := range t.Path {
		pointer += "/" + jsonPointer(step)
	}
	return &Item{File: file, List: "patches", Lines: []string{
		"- target:",
		"    kind: " + t.Manifest.Kind,
		"    name: " + name,
		"  patch: |-",
		"    - op: add",
		"      path: " + pointer,
		"      value: " + t.Replacement,
	}}
}

// jsonPointer returns a step as RFC 6901 writes it.
func jsonPointer(step yamldoc.Step) string {
	if step.Index >= 0 {
		return strconv.Itoa(step.Index)
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(step.Key)
}
