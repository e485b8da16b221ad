package origin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// findInYAML finds the places in a part of an input that is YAML: values, and, in manifests and patches, the lines
// that write fields. It reports whether it is YAML.
func (t *tracer) findInYAML(in *input, start, end int) bool {
	roots, err := decode(in.Data[start:end])
	if err != nil {
		return false
	}
	if slices.ContainsFunc(roots, isPlain) {
		return false
	}
	w := &yamlWalk{tracer: t, in: in, offset: start, text: yamldoc.NewText(in.Data[start:end]), anchored: map[*yaml.Node]*place{}, marks: in.Use == render.UseResource || in.Use == render.UsePatch || in.Use == render.UseChartFile}
	for _, root := range roots {
		w.node(root, nil)
	}
	return true
}

// isPlain tells a text that happens to be YAML. Nothing between two separators is none.
func isPlain(root *yaml.Node) bool { return root.Kind == yaml.ScalarNode && root.Tag != "!!null" }

// findAppVersion finds the version of the app in a Chart.yaml, which charts take for a tag that is not set.
func (t *tracer) findAppVersion(in *input) {
	roots, err := decode(in.Data)
	if err != nil || len(roots) != 1 {
		return
	}
	version := yamldoc.Field(roots[0], "appVersion")
	if version != nil && version.Kind == yaml.ScalarNode && isPartOf(t.values, version.Value) {
		w := &yamlWalk{tracer: t, in: in, text: in.text()}
		w.at(version, literal)
	}
}

// decode returns the roots of the YAML documents of a text.
func decode(text []byte) ([]*yaml.Node, error) {
	var roots []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return roots, nil
		}
		if err != nil {
			return nil, err
		}
		roots = append(roots, document.Content...)
	}
}

// yamlWalk goes through the nodes of YAML that stands at an offset of an input.
type yamlWalk struct {
	*tracer
	in     *input
	offset int
	text   *yamldoc.Text
	// marks says whether a mapping may get another key: kustomizations may not.
	marks bool
	feeds bool // as in place
	// anchored are the places of values with an anchor.
	anchored map[*yaml.Node]*place
}

func (w *yamlWalk) node(node *yaml.Node, path yamldoc.Path) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			if w.marks && w.marksKey(key.Value) {
				w.mark(node, key, value)
			}
			if w.in.Use == render.UseDeclaration && slices.Contains(unchanged, key.Value) {
				continue
			}
			outer := *w
			below := path.Below(yamldoc.Key(key.Value))
			if key.Value == "valuesInline" {
				w.marks, w.feeds = true, true
			} else if key.Value == "valuesObject" && w.in.Use == render.UseDeclaration {
				below = nil
			}
			w.node(value, below)
			w.marks, w.feeds = outer.marks, outer.feeds
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			w.node(item, path.Below(yamldoc.Item(i, item)))
		}
	case yaml.AliasNode:
		if p := w.anchored[node.Alias]; p != nil {
			start, end, _ := w.text.Bounds(node)
			a := alias{start: w.offset + start, end: w.offset + end}
			if w.in.hasKeys() {
				a.key = path.String()
			}
			p.aliases = append(p.aliases, a)
		}
	case yaml.ScalarNode:
		w.scalar(node, path)
	}
}

// unchanged are the keys below which a declaration says what there is, and not with which values.
var unchanged = []string{"apiVersion", "kind", "metadata", "project", "repoURL", "path", "chart", "ref", "targetRevision"}

func (w *yamlWalk) marksKey(key string) bool { return w.fields[key] || w.nears[key] }

// mark makes a place that puts a key beside another one, which goes with it through merges, patches and parsers.
func (w *yamlWalk) mark(mapping, key, value *yaml.Node) *place {
	at, ok := w.text.Offset(key)
	start, end, _ := w.text.Bounds(key)
	if value.Kind != yaml.ScalarNode || value.Value != "" || value.Style != 0 {
		_, end, _ = w.text.Bounds(value)
	} else {
		end += bytes.IndexByte(w.in.Data[w.offset+end:], ':') + 1
	}
	if !ok {
		at, start, end = 0, 0, 0 // The file is UTF-16.
	}
	flow := mapping.Style&yaml.FlowStyle != 0
	between := "\n" + strings.Repeat(" ", max(key.Column-1, 0))
	if flow {
		between = ", "
	} else if w.offset > 0 {
		between = "\n" + w.indentation(at)
	}
	p := &place{
		start: w.offset + at, end: w.offset + at, kind: mark, mark: key.Value, flow: flow,
		empty:  value.Kind == yaml.ScalarNode && (value.Tag == "!!null" || value.Value == ""),
		quoted: func(token string) string { return strconv.Quote(token) + `: ""` + between },
		shown:  [2]int{w.offset + start, w.offset + end},
	}
	w.add(w.in, p)
	return p
}

// indentation is white space as wide as what stands before an offset of the text on its line in the file.
func (w *yamlWalk) indentation(offset int) string {
	before := w.in.Data[:w.offset+offset]
	return strings.Repeat(" ", len(before)-1-bytes.LastIndexByte(before, '\n'))
}

func (w *yamlWalk) scalar(node *yaml.Node, path yamldoc.Path) {
	start, end, ok := w.text.Bounds(node)
	if !ok {
		return
	}
	start, end = w.offset+start, w.offset+end
	if w.in.Use == render.UseKustomization && w.offset == 0 && !w.feeds && path.Last() == "name" && !w.fields["name"] {
		return // It selects, as of an image to replace, and is no value.
	}
	block := node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
	like := w.isLike(path.Last())
	switch {
	case block:
		w.block(node, start, end, path)
	case isPartOf(w.values, node.Value):
		p := &place{start: start, end: end, original: node.Value, quoted: quote, key: path.String(), feeds: w.feeds}
		if p.numeric = node.Tag == "!!int" && isNumber(node.Value); !p.numeric {
			p.quoted = strconv.Quote
		}
		w.add(w.in, p)
		if node.Anchor != "" {
			w.anchored[node] = p
		}
	case w.embedded(node, start, end, path):
	case like && node.Value != "":
		w.add(w.in, &place{start: start, end: end, kind: other, original: node.Value, quoted: quote, key: path.String(), feeds: w.feeds})
	case w.mentionsValue(node.Value):
		w.wordsIn(start, end, path)
	}
}

// quote writes a scalar that is valid in YAML and JSON and of the value's type.
func quote(value string) string {
	if isNumber(value) || value == "true" || value == "false" {
		return value
	}
	return strconv.Quote(value)
}

// block finds the places in the lines of a block scalar: a patch, or a text that templates use.
func (w *yamlWalk) block(node *yaml.Node, start, end int, path yamldoc.Path) {
	if !w.mentions(node.Value) {
		return
	}
	from, to := blockLines(w.in.Data, end)
	before := len(w.in.places)
	if w.in.Use == render.UseValues || w.in.Use == render.UseChartFile || !w.inner(from, to, path) {
		w.findInTemplate(w.in, from, to)
	} else if w.in.Use == render.UseDeclaration {
		return // The keys are those in the text.
	}
	for _, p := range w.in.places[before:] {
		p.key = path.String()
	}
}

// inner finds the places in YAML that stands in a scalar of the file.
func (w *yamlWalk) inner(from, to int, path yamldoc.Path) bool {
	roots, err := decode(w.in.Data[from:to])
	if err != nil || slices.ContainsFunc(roots, isPlain) {
		return false
	}
	inner := &yamlWalk{tracer: w.tracer, in: w.in, offset: from, text: yamldoc.NewText(w.in.Data[from:to]), marks: w.in.Use != render.UseDeclaration || path.Last() == "patch", anchored: map[*yaml.Node]*place{}}
	for _, root := range roots {
		inner.node(root, nil)
	}
	return true
}

// embedded finds the places in a scalar on one line that is itself YAML or JSON, as an inline patch can be.
func (w *yamlWalk) embedded(node *yaml.Node, start, end int, path yamldoc.Path) bool {
	if w.in.Use != render.UseKustomization && w.in.Use != render.UseDeclaration && w.in.Use != render.UsePatch || !strings.ContainsAny(node.Value, "{[") {
		return false
	}
	raw := w.in.Data[start:end]
	doubled := raw[0] == '"'
	if len(raw) > 1 && (doubled || raw[0] == '\'') {
		start, end = start+1, end-1
		raw = w.in.Data[start:end]
	}
	before := len(w.in.places)
	if string(raw) != node.Value || !w.inner(start, end, path) {
		return false
	}
	for _, p := range w.in.places[before:] {
		if doubled && p.kind == literal && !p.numeric {
			p.quoted = func(value string) string { return value } // Quotes would end the scalar.
		}
	}
	return true
}

// wordsIn finds values that are words in a scalar.
func (w *yamlWalk) wordsIn(start, end int, path yamldoc.Path) {
	before := len(w.in.places)
	w.findWords(w.in, start, string(w.in.Data[start:end]))
	for _, p := range w.in.places[before:] {
		p.key = path.String()
	}
}

// blockLines are the bounds of the lines of a block scalar whose header ends at an offset.
func blockLines(data []byte, header int) (from, to int) {
	newline := bytes.IndexByte(data[header:], '\n')
	if newline < 0 {
		return len(data), len(data)
	}
	from = header + newline + 1
	indent := -1
	for to = from; to < len(data); {
		end := to + bytes.IndexByte(data[to:], '\n') + 1
		if end == to {
			end = len(data)
		}
		line := bytes.TrimRight(data[to:end], " \t\r\n")
		if spaces := len(line) - len(bytes.TrimLeft(line, " ")); len(line) > 0 {
			if indent < 0 {
				indent = spaces
			}
			if spaces < indent || indent == 0 {
				break
			}
		}
		to = end
	}
	return from, to
}

// siblings turns the marks in what a chart of a kustomization rendered to from anchors, which kustomize drops, into
// keys beside those that they mark.
func siblings(data []byte) []byte {
	roots, err := decode(data)
	if err != nil {
		return data
	}
	var text bytes.Buffer
	for _, root := range roots {
		addSiblings(root)
		part, err := yaml.Marshal(root)
		if err != nil {
			return data
		}
		fmt.Fprintf(&text, "---\n%s", part)
	}
	return text.Bytes()
}

func addSiblings(node *yaml.Node) {
	var added []*yaml.Node
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 1 && token.MatchString(child.Anchor) {
			added = append(added, yaml.NewScalarRNode(child.Anchor).YNode(), yaml.NewStringRNode("").YNode())
			child.Anchor = ""
		}
		addSiblings(child)
	}
	node.Content = append(node.Content, added...)
}
