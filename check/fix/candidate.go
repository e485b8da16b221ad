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

// Candidate is an edit that might be a fix. It is an intent: the text is written when it is proven. For example,
// the candidate "set image.pullPolicy to Always" has one change, the value Always at image.pullPolicy in
// charts/api/values.yaml.
type Candidate struct {
	// Message says what the changes do: set image.pullPolicy to Always.
	Message string
	Changes []Change
}

// Change is an intended change of one file. Exactly one of its pointers is not nil: Value writes a scalar at a path
// of a values file, Item adds a patch to a kustomization, Edit replaces text in any file. The text of a Value or an
// Item is made when all changes of the file are known: two new keys below one missing key share that key.
type Change struct {
	Value *Value
	Item  *Item
	Edit  *yamldoc.Edit
}

// Value is a scalar that is written at a path below a mapping of a file. The missing mappings on the way are
// written, too.
type Value struct {
	File  string
	Place yamldoc.Place // the mapping; the whole file in a values.yaml
	Path  yamldoc.Path  // from the mapping to the scalar: image.pullPolicy
	Text  string        // Always
}

// Item is an item that is added to the list at a top-level key of a file: a patch in the list patches of a
// kustomization. Its first line begins with a dash.
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

// Candidates returns the candidates for the hits of a source. traced has the trace of each hit at the index of the
// hit. It renders nothing. The candidates of a hit come in this order, so that the edit that people expect is tried
// first:
//
//  1. Change the value at the decision, or set a missing key that a template reads: image.pullPolicy in
//     values.yaml.
//  2. Write the field on the line that writes it, or beside the line of its sibling field: imagePullPolicy below
//     image.
//  3. Override the value of a chart that is not the user's in the user's own values: db.image.pullPolicy.
//  4. Patch the object in the kustomization that fetches it.
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
	values []openValues // the user's own values files, for overrides
}

// openValues is a values file of the user that was opened.
type openValues struct {
	origin.ValuesFile
	document *yamldoc.Document
}

// find returns the candidates for one trace, the best first.
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

// valueOf returns the rendered value of the traced field; "" if the field is missing or null.
func valueOf(t *origin.Trace) string { return yamldoc.ScalarAt(t.Manifest.Node, t.Path) }

// isEditable reports whether an input is a file of the user's tree, and not a flag or a fetched file.
func (f *finder) isEditable(in *origin.Input) bool {
	return in.Use != render.UseFlag && !in.Outside && in.From.Path == "" && f.isRegular(in.Path)
}

// isRegular reports whether a file of the tree can be edited: it is a regular file, and its path has no symbolic
// link.
func (f *finder) isRegular(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	info, err := fs.Lstat(f.tree, name)
	return err == nil && info.Mode().IsRegular() && tree.Follow(f.tree, name) == name
}

// isNull reports whether a scalar without quotes is null in YAML.
func isNull(value string) bool { return value == "~" || strings.EqualFold(value, "null") }

// setTo returns the message of a candidate: set image.pullPolicy to Always.
func setTo(key, value string) string { return "set " + key + " to " + value }

// atSite returns the candidates that edit a site itself. A value that YAML aliases repeat has one candidate for the
// value, and one for each alias: the alias that this field uses can be replaced alone.
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
	for _, alias := range s.Aliases {
		if alias.Key != "" {
			message = setTo(alias.Key, t.Replacement)
		}
		all = append(all, Candidate{message, edit(s, alias.Start, alias.End, t.Replacement)})
	}
	return all
}

// edit returns the change that replaces a part of a site's file by a text.
func edit(s *origin.Site, start, end int, text string) []Change {
	e := s.Input.Text().Edit(s.Input.Path, start, end, text)
	return []Change{{Edit: &e}}
}

// onLine returns the candidates that write a field at a line. If the line writes the field, its value is replaced.
// If the line writes the sibling field, the field is written on a new line, first behind this line, then before it:
// the line behind may belong to a value of several lines.
func onLine(s *origin.Site, t *origin.Trace) []Candidate {
	field := t.Path.Last()
	text := field + ": " + t.Replacement
	message := "write " + text
	start := s.SpanStart
	if s.Field == field {
		return []Candidate{{message, edit(s, start, valueEnd(s), text)}}
	}
	if hasKeyBeside(s, field) {
		return nil // Readers of YAML differ in which of two equal keys counts.
	}
	lines := s.Input.Text()
	if s.InFlow {
		pair := lines.PairBehind(start, s.SpanEnd, field, t.Replacement)
		return []Candidate{{message, edit(s, s.SpanEnd, s.SpanEnd, pair)}}
	}
	end, between := lines.LineEnd(start), lines.Newline()+lines.Indent(start)
	return []Candidate{
		{message, edit(s, end, end, between+text)},
		{message, edit(s, start, start, text+between)},
	}
}

// actions matches the actions of a template, {{ … }}, on one line.
var actions = regexp.MustCompile(`\{\{.*?\}\}`)

// mask replaces each byte of the template actions in a text by a character, so that offsets stay the same. The mask
// x of "a: {{ .b }} # c" is "a: xxxxxxxx # c".
func mask(text []byte, character string) []byte {
	return actions.ReplaceAllFunc(text, func(action []byte) []byte { return bytes.Repeat([]byte(character), len(action)) })
}

// valueEnd returns the offset where the value on the line of a site ends: before a comment, if there is one.
func valueEnd(s *origin.Site) int {
	text := mask(s.Input.Data[s.SpanStart:s.SpanEnd], "x")
	if i := bytes.Index(text, []byte(" #")); i >= 0 {
		return s.SpanStart + len(bytes.TrimRight(text[:i], " \t"))
	}
	return s.SpanEnd
}

// hasKeyBeside reports whether a template writes a key in the mapping around the line of a site, perhaps behind a
// condition that is false now. A template is not YAML, so it compares the indentation of lines: it looks up and
// down until a line is indented less.
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

// hasContent reports whether a line has a text besides white space and a comment.
func hasContent(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) > 0 && line[0] != '#'
}

// overrides returns the candidates that set, in the user's own values, a value of a chart that the user cannot
// edit. A chart with the aliases db and cache has three candidates: db.image.pullPolicy, cache.image.pullPolicy,
// and both together.
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

// writer returns the trace of the object that writes the value at the decision. It is another object where
// Kustomize has copied the value, as a replacement does: a patch of the copy would be overwritten, and a patch of
// the writer is copied, too. It returns t if no other writer is known.
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

// isWriter reports whether a line of the traced object writes the value at the decision.
func isWriter(t *origin.Trace) bool {
	at := t.Decided[0].Location()
	return slices.ContainsFunc(t.Lines, func(s *origin.Site) bool {
		line := s.Location()
		return line.Path == at.Path && line.Line == at.Line
	})
}

// patches returns the candidates that patch the object in the user's kustomization. They come last: they help where
// nothing else can be edited, such as in a remote base.
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

// patchItem returns the patch of a kustomization that gives the traced field of the object with a name its
// replacement.
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

// jsonPointer returns one step of a JSON pointer, escaped by RFC 6901: example.com/policy becomes
// example.com~1policy.
func jsonPointer(step yamldoc.Step) string {
	if step.Index >= 0 {
		return strconv.Itoa(step.Index)
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(step.Key)
}
