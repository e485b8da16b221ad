package origin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// ways are the ways to give a field another value, those that surprise least first: to change the value where it
// was decided, to set a key that the templates read, to write the field where the object is written, to override
// the values of a chart that is not the user's, and to patch what a kustomization fetches.
func (t *tracer) ways(q *question) []render.Way {
	var ways []render.Way
	for _, p := range q.decided {
		ways = append(ways, t.change(p, q)...)
	}
	if q.value == "" {
		for _, p := range slices.Concat(q.empty(), q.near) {
			ways = append(ways, t.change(p, q)...)
		}
	}
	return append(append(ways, t.overrides(q)...), t.patches(t.writer(q))...)
}

// writer is the question about the object that writes the value at its decision, where another one has a copy of it, as
// by a replacement. It is the question itself where that is not known.
func (t *tracer) writer(q *question) *question {
	if q.decided == nil || q.writes() {
		return q
	}
	for _, other := range t.questions {
		if other.decided != nil && other.decided[0] == q.decided[0] && other.writes() {
			return other
		}
	}
	return q
}

// writes reports whether a line of the object writes the value at its decision.
func (q *question) writes() bool {
	at := q.decided[0].location()
	return slices.ContainsFunc(q.lines, func(p *place) bool { l := p.location(); return l.Path == at.Path && l.Line == at.Line })
}

// owns reports whether a file is one of the user's tree that can be edited: no link leads to it.
func (t *tracer) owns(in *input) bool {
	if in.Use == render.UseFlag || in.Outside || in.From.Path != "" || !fs.ValidPath(in.Path) {
		return false
	}
	info, err := fs.Lstat(t.tree, in.Path)
	return err == nil && info.Mode().IsRegular() && tree.Follow(t.tree, in.Path) == in.Path
}

// isNull reports whether a plain scalar is null in YAML.
func isNull(value string) bool { return value == "~" || strings.EqualFold(value, "null") }

// change are the ways to edit a place itself.
func (t *tracer) change(p *place, q *question) []render.Way {
	if !t.owns(p.in) || q.value == "" && (p.kind == literal || p.kind == other) && p.original != "" && !isNull(p.original) {
		return nil
	}
	key := p.key
	if !p.in.hasKeys() && !p.feeds || p.kind == mark {
		key = q.Path.Last()
	}
	switch p.kind {
	case insertion:
		return []render.Way{{Message: "set " + key + " to " + q.Instead, Edits: []yamldoc.Edit{p.edit(p.pretty(q.Instead))}}}
	case mark:
		return p.writes(q)
	}
	message := "set " + key + " to " + q.Instead
	ways := []render.Way{{Message: message, Edits: []yamldoc.Edit{p.edit(p.start, p.end, p.requoted(q.Instead))}}}
	for _, alias := range p.aliases { // where others share the value
		if alias.key != "" {
			message = "set " + alias.key + " to " + q.Instead
		}
		ways = append(ways, render.Way{Message: message, Edits: []yamldoc.Edit{p.edit(alias.start, alias.end, q.Instead)}})
	}
	return ways
}

func (p *place) edit(start, end int, text string) yamldoc.Edit {
	location := p.in.text().Location(start, end)
	location.Path, location.Snippet, location.Above = p.in.Path, "", ""
	return yamldoc.Edit{Location: location, Start: start, End: end, OldText: string(p.in.Data[start:end]), NewText: text}
}

// requoted is a value in the quotes that stand at the place.
func (p *place) requoted(value string) string {
	raw := p.in.Data[p.start:p.end]
	if len(raw) > 1 && bytes.IndexByte([]byte("\"'`"), raw[0]) >= 0 && raw[len(raw)-1] == raw[0] {
		return string(raw[0]) + value + string(raw[0])
	}
	return value
}

// writes are the ways to write a field at a line: in the place of what the line gives it, or beside it.
func (p *place) writes(q *question) []render.Way {
	field := q.Path.Last()
	text := field + ": " + q.Instead
	message := "write " + text
	start := p.shown[0]
	if p.mark == field {
		return []render.Way{{Message: message, Edits: []yamldoc.Edit{p.edit(start, p.valueEnd(), text)}}}
	}
	if p.hasBeside(field) {
		return nil // With two of them, which one counts depends on who reads it.
	}
	if p.flow {
		return []render.Way{{Message: message, Edits: []yamldoc.Edit{p.edit(p.behind(start, p.shown[1], []string{field}, q.Instead))}}}
	}
	end := lineEnd(p.in.Data, start)
	newline := p.newline()
	after := p.edit(end, end, newline+p.indent(start)+text)
	before := p.edit(start, start, text+newline+p.indent(start))
	return []render.Way{{Message: message, Edits: []yamldoc.Edit{after}}, {Message: message, Edits: []yamldoc.Edit{before}}}
}

// hasBeside reports whether a template has a key in the mapping that the line is in, if only behind a condition that
// does not hold yet.
func (p *place) hasBeside(key string) bool {
	if !bytes.Contains(p.in.Data, []byte("{{")) {
		return false
	}
	data := actions.ReplaceAllFunc(p.in.Data, func(action []byte) []byte { return bytes.Repeat([]byte(" "), len(action)) })
	start := p.shown[0]
	before, after := data[:start], data[lineEnd(data, start):]
	column := len(p.before(start))
	isKey := regexp.MustCompile(`(?:^|[\s{,])["']?` + regexp.QuoteMeta(key) + `["']?:`)
	if p.flow {
		return isKey.Match(data[start-column : lineEnd(data, start)])
	}
	begins := func(content []byte) bool { at := isKey.FindIndex(content); return at != nil && at[0] == 0 }
	for _, line := range slices.Backward(bytes.Split(before, []byte("\n"))) {
		content := bytes.TrimLeft(line, " -")
		indent := len(line) - len(content)
		if indent == column && begins(content) {
			return true
		}
		if isFirst := bytes.ContainsRune(line[:indent], '-'); isFirst && indent <= column || isText(content) && indent < column {
			break
		}
	}
	for line := range bytes.SplitSeq(after, []byte("\n")) {
		content := bytes.TrimLeft(line, " ")
		indent := len(line) - len(content)
		if indent == column && begins(content) {
			return true
		}
		if isText(content) && indent < column {
			break
		}
	}
	return false
}

// isText tells a line with content from one without any, or with a comment.
func isText(content []byte) bool {
	content = bytes.TrimSpace(content)
	return len(content) > 0 && content[0] != '#'
}

// valueEnd is where what a line gives its key ends, before a comment.
func (p *place) valueEnd() int {
	start, end := p.shown[0], p.shown[1]
	text := actions.ReplaceAllFunc(p.in.Data[start:end], func(action []byte) []byte { return bytes.Repeat([]byte("x"), len(action)) })
	if i := bytes.Index(text, []byte(" #")); i >= 0 {
		end = start + len(bytes.TrimRight(text[:i], " \t"))
	}
	return end
}

// before is what stands before an offset on its line.
func (p *place) before(offset int) []byte {
	return p.in.Data[bytes.LastIndexByte(p.in.Data[:offset], '\n')+1 : offset]
}

// indent is white space as wide as what stands before an offset on its line, if that is only white space and the
// dashes of lists; otherwise the white space that the line begins with.
func (p *place) indent(offset int) string {
	before := p.before(offset)
	if len(bytes.TrimLeft(before, " -")) > 0 {
		before = before[:len(before)-len(bytes.TrimLeft(before, " "))]
	}
	return strings.Repeat(" ", len(before))
}

// newline is how the lines of the file end.
func (p *place) newline() string {
	if i := bytes.IndexByte(p.in.Data, '\n'); i > 0 && p.in.Data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// pretty is an insertion as people write it: in block style, behind its neighbours or at the end of the file.
func (p *place) pretty(value string) (start, end int, text string) {
	newline := p.newline()
	switch {
	case p.mapping == nil && p.top || p.top && p.mapping.Style&yaml.FlowStyle == 0:
		text = block(p.keys, value, "", newline)
		if n := len(p.in.Data); n == 0 || p.in.Data[n-1] == '\n' {
			text += newline
		} else {
			text = newline + text
		}
		return len(p.in.Data), len(p.in.Data), text
	case p.mapping == nil && len(p.keys) == 0 && p.start < p.end:
		return p.start, p.end, p.requoted(value)
	case p.mapping == nil && p.start == p.end:
		return p.start, p.end, " " + flow(p.keys, value, false)
	case p.mapping == nil:
		return p.start, p.end, flow(p.keys, value, p.isJSON())
	case p.mapping.Style&yaml.FlowStyle != 0:
		if start, end, ok := p.neighbour(); ok {
			return p.behind(start, end, p.keys, value)
		}
		asJSON := p.isJSON()
		text = pair(p.keys[0], flow(p.keys[1:], value, asJSON), asJSON)
		if len(p.mapping.Content) > 0 {
			text += ", "
		}
		return p.start, p.end, text
	}
	indent := p.indent(p.start)
	text = block(p.keys, value, indent, newline)
	if _, end, ok := p.neighbour(); ok {
		end = lineEnd(p.in.Data, end)
		return end, end, newline + text
	}
	return p.start, p.start, strings.TrimLeft(text, " ") + newline + indent
}

// isJSON reports whether the document around a place is written in JSON, of which YAML takes more.
func (p *place) isJSON() bool {
	before, after := p.in.Data[:p.start], p.in.Data[p.start:]
	separator := []byte("\n---\n")
	if i := bytes.LastIndex(before, separator); i >= 0 {
		before = before[i+len(separator):]
	}
	if i := bytes.Index(after, separator); i >= 0 {
		after = after[:i]
	}
	document := bytes.TrimPrefix(slices.Concat(before, after), []byte("---\n"))
	decoder := json.NewDecoder(bytes.NewReader(document))
	for values := 0; ; values++ {
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return values > 0 && errors.Is(err, io.EOF)
		}
	}
}

// neighbour is the part with the key and the scalar behind which people look for the key: a tag, or the last of those that
// begin the mapping, if it begins with any.
func (p *place) neighbour() (start, end int, ok bool) {
	text := p.in.text()
	for i := 0; i+1 < len(p.mapping.Content); i += 2 {
		key, value := p.mapping.Content[i], p.mapping.Content[i+1]
		if value.Kind != yaml.ScalarNode || value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			break
		}
		start, end, ok = text.Bounds(key)
		if value.Value != "" || value.Style != 0 {
			_, end, ok = text.Bounds(value)
		}
		if key.Value == "tag" {
			break
		}
	}
	return start, end, ok
}

// behind writes keys, one in the other, and a value behind a key and its value in flow style, with white space as there.
func (p *place) behind(start, end int, keys []string, value string) (from, to int, text string) {
	asJSON := p.isJSON()
	text = pair(keys[0], flow(keys[1:], value, asJSON), asJSON)
	comma, before := ", ", p.before(start)
	_, rest, _ := bytes.Cut(p.in.Data[start:end], []byte(":"))
	isTight := asJSON && len(rest) > 0 && rest[0] != ' '
	if isTight {
		comma, text = ",", strings.ReplaceAll(text, ": ", ":")
	}
	if len(bytes.TrimSpace(before)) == 0 {
		comma = "," + p.newline() + string(before)
	}
	return end, end, comma + text
}

// flow writes keys, one in the other, and a value in flow style or JSON.
func flow(keys []string, value string, asJSON bool) string {
	switch {
	case len(keys) > 0:
		return "{" + pair(keys[0], flow(keys[1:], value, asJSON), asJSON) + "}"
	case asJSON:
		return strconv.Quote(value)
	}
	return value
}

// pair is a key and what is written for its value.
func pair(key, value string, asJSON bool) string {
	if asJSON {
		key = strconv.Quote(key)
	}
	return key + ": " + value
}

// block writes keys, one in the other, and a value in block style.
func block(keys []string, value, indent, newline string) string {
	var b strings.Builder
	for i, key := range keys {
		if i > 0 {
			b.WriteString(newline)
		}
		b.WriteString(indent + strings.Repeat("  ", i) + key + ":")
	}
	return b.String() + " " + value
}

// overrides are the ways to set, in the user's own values, a value of a chart that is not the user's: for each name
// that the chart has there alone, and for all of them.
func (t *tracer) overrides(q *question) []render.Way {
	if len(q.decided) == 0 || t.owns(q.decided[0].in) {
		return nil
	}
	var ways []render.Way
	for _, own := range t.ownValues() {
		var keys []string
		var edits []yamldoc.Edit
		for _, full := range t.readFor(q.decided[0]) {
			set := t.set(own, full)
			if set == nil {
				continue
			}
			key, edit := pathOf(full).String(), set.edit(set.setting(q.Instead))
			ways = append(ways, render.Way{Message: "set " + key + " to " + q.Instead, Edits: []yamldoc.Edit{edit}})
			keys, edits = append(keys, key), append(edits, edit)
		}
		if len(keys) > 1 {
			ways = append(ways, render.Way{Message: "set " + strings.Join(keys, " and ") + " to " + q.Instead, Edits: edits})
		}
	}
	return ways
}

// readFor are the paths in the values of the source's chart by which a subchart reads what stands at a place: a value
// of its own, or a default in a template for keys that are read on the same line.
func (t *tracer) readFor(p *place) [][]string {
	var paths [][]string
	chart := path.Dir(p.in.Path)
	switch p.in.Use {
	case render.UseValues:
		key, err := yamldoc.ParsePath(p.key)
		if err != nil || slices.ContainsFunc(key, func(s yamldoc.Step) bool { return s.Index >= 0 }) {
			return nil // Helm replaces lists as a whole.
		}
		paths = append(paths, keysOf(key))
	case render.UseTemplate:
		chart, _, _ = cutLast(p.in.Path, "/templates/")
		line := p.in.text().Location(p.start, p.end).Line
		for _, c := range t.chains {
			if c.in == p.in && p.in.text().Location(c.offset, c.offset).Line == line {
				paths = append(paths, c.path)
			}
		}
	}
	var all [][]string
	for _, keys := range paths {
		if keys[0] == "global" {
			all = append(all, keys)
			continue
		}
		for _, prefix := range t.prefixes(chart) {
			all = append(all, append(slices.Clone(prefix), keys...))
		}
	}
	return all
}

func keysOf(p yamldoc.Path) []string {
	var keys []string
	for _, step := range p {
		keys = append(keys, step.Key)
	}
	return keys
}

func pathOf(keys []string) yamldoc.Path {
	var p yamldoc.Path
	for _, key := range keys {
		p = append(p, yamldoc.Key(key))
	}
	return p
}

// ownValues are the files with values that the user owns: that of the chart, then what declares the source, and then
// those that were given, the strongest first.
func (t *tracer) ownValues() []*input {
	var own []*input
	if top := t.valuesOf(t.path()); top != nil && t.owns(top) {
		own = append(own, top)
	}
	if in := t.declaration(); in != nil && t.owns(in) {
		own = append(own, in)
	}
	for _, file := range slices.Backward(t.valuesFiles()) {
		if in := t.inputs[file.Path]; in != nil && t.owns(in) {
			own = append(own, in)
		}
	}
	return own
}

// set is the place of a key in a values file, whether it is there or not; nil if it has none.
func (t *tracer) set(in *input, keys []string) *place {
	w := t.newInsertWalk(in)
	if w == nil {
		return nil
	}
	full := pathOf(slices.Concat(w.prefix, keys))
	if value, _ := yamldoc.Lookup(w.root, full); value != nil && value.Kind == yaml.ScalarNode && value.Value != "" {
		start, end, _ := w.text.Bounds(value)
		return &place{in: in, start: start, end: end, original: value.Value}
	}
	w.insert(keys)
	key := full.String()
	for _, p := range in.places {
		if p.kind == insertion && p.key == key {
			return p
		}
	}
	return nil
}

// setting is the edit that gives a place of set a value.
func (p *place) setting(value string) (start, end int, text string) {
	if p.kind == insertion {
		return p.pretty(value)
	}
	return p.start, p.end, p.requoted(value)
}

// prefixes are the paths below which the values of a subchart stand in those of the source's chart: one for each
// alias under which the chart depends on it.
func (t *tracer) prefixes(chart string) [][]string {
	if chart == t.path() {
		return [][]string{nil}
	}
	parent, entry, ok := cutLast(chart, "/charts/")
	if !ok {
		return nil
	}
	var prefixes [][]string
	for _, above := range t.prefixes(parent) {
		for _, name := range t.namesOf(parent, chart, entry) {
			prefixes = append(prefixes, append(slices.Clone(above), name))
		}
	}
	return prefixes
}

func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+len(separator):], true
}

// namesOf are the names under which a chart depends on another one: its aliases or its own.
func (t *tracer) namesOf(parent, chart, entry string) []string {
	name := entry
	if root := t.metadata(chart); root != nil {
		name = yamldoc.Scalar(root, "name")
	}
	var names []string
	if dependencies := yamldoc.Field(t.metadata(parent), "dependencies"); dependencies != nil {
		for _, dependency := range dependencies.Content {
			if yamldoc.Scalar(dependency, "name") != name {
				continue
			}
			if alias := yamldoc.Scalar(dependency, "alias"); alias != "" {
				names = append(names, alias)
			} else {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return []string{name}
	}
	return names
}

// metadata is the root of a chart's Chart.yaml, nil if it was not seen.
func (t *tracer) metadata(chart string) *yaml.Node {
	in := t.inputs[path.Join(chart, "Chart.yaml")]
	if in == nil {
		return nil
	}
	if roots, err := decode(in.Data); err == nil && len(roots) == 1 {
		return roots[0]
	}
	return nil
}

// patches are the ways to patch the object in the kustomization that fetches what it is made from.
func (t *tracer) patches(q *question) []render.Way {
	if t.source.ID().Kind != render.Kustomize || q.Manifest.Name == "" {
		return nil
	}
	file, ok := kustomize.FindFile(t.tree, t.path())
	in := t.inputs[file]
	if !ok || in == nil || !t.owns(in) {
		return nil
	}
	pointer := ""
	for _, step := range q.Path {
		pointer += "/" + jsonPointer(step)
	}
	ways := []render.Way{patch(in, q, q.Manifest.Name, pointer)}
	if k, err := kustomize.Parse(file, in.Data); err == nil {
		// A patch sees the object before the kustomization renames it.
		if name := strings.TrimSuffix(strings.TrimPrefix(q.Manifest.Name, k.NamePrefix), k.NameSuffix); name != q.Manifest.Name {
			ways = append(ways, patch(in, q, name, pointer))
		}
	}
	return slices.DeleteFunc(ways, func(way render.Way) bool { return way.Edits == nil })
}

// patch is the way to patch the object of a name in a kustomization; without edits where its patches are no list in
// block style.
func patch(in *input, q *question, name, pointer string) render.Way {
	way := render.Way{Message: "patch " + q.Manifest.Kind + "/" + name + " in the kustomization"}
	p := &place{in: in}
	newline := p.newline()
	lines := []string{
		"- target:",
		"    kind: " + q.Manifest.Kind,
		"    name: " + name,
		"  patch: |-",
		"    - op: add",
		"      path: " + pointer,
		"      value: " + q.Instead,
	}
	at, indent := len(in.Data), ""
	if list := patchList(in.Data); list != nil && list.Style&yaml.FlowStyle == 0 && len(list.Content) > 0 {
		offset, _ := in.text().Offset(list.Content[0])
		at = bytes.LastIndexByte(in.Data[:offset], '\n') + 1
		before := in.Data[at:offset]
		indent = string(before[:len(before)-len(bytes.TrimLeft(before, " "))])
	} else if list != nil {
		return way
	} else {
		lines = append([]string{"patches:"}, lines...)
	}
	text := indent + strings.Join(lines, newline+indent)
	if at > 0 && in.Data[at-1] != '\n' {
		text = newline + text
	} else {
		text += newline
	}
	way.Edits = []yamldoc.Edit{p.edit(at, at, text)}
	return way
}

// jsonPointer is a step as RFC 6901 writes it.
func jsonPointer(step yamldoc.Step) string {
	if step.Index >= 0 {
		return strings.TrimPrefix(strings.TrimSuffix(yamldoc.Path{{Index: step.Index}}.String(), "]"), "[")
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(step.Key)
}

// patchList is the value of the patches of a kustomization, nil if it has none.
func patchList(data []byte) *yaml.Node {
	roots, err := decode(data)
	if err != nil || len(roots) != 1 {
		return nil
	}
	return yamldoc.Field(roots[0], "patches")
}
