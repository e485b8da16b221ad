package origin

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// yaml finds the sites between two offsets of the input, where YAML stands: values and, in manifests and patches, the lines
// that write fields. It reports false if the text is no YAML.
func (s *scanner) yaml(start, end int) bool {
	use := s.in.Use
	hasLines := use == render.UseResource || use == render.UsePatch || use == render.UseChartFile
	return s.yamlPart(start, end, hasLines)
}

// yamlPart is yaml for a text in which mappings may get the keys of line sites, or may not: kustomizations may not.
func (s *scanner) yamlPart(start, end int, hasLines bool) bool {
	roots, err := yamldoc.Parse(s.in.Data[start:end])
	if err != nil || slices.ContainsFunc(roots, isPlainText) {
		return false
	}
	w := &yamlScanner{
		scanner: s, offset: start, positions: yamldoc.NewText(s.in.Data[start:end]),
		hasLines: hasLines, anchored: map[*yaml.Node]*Site{},
	}
	for _, root := range roots {
		w.node(root, nil)
	}
	return true
}

// isPlainText reports whether a document is a text that happens to be YAML. An empty document is not.
func isPlainText(root *yaml.Node) bool { return root.Kind == yaml.ScalarNode && root.Tag != "!!null" }

// valueAt returns the site of a value that a field has.
func valueAt(text *yamldoc.Text, node *yaml.Node) *Site {
	start, end, _ := text.Bounds(node)
	return &Site{Start: start, End: end, Value: node.Value, encode: quoteScalar}
}

// yamlScanner walks over the nodes of YAML that stands at an offset of the input. It works on nodes, because a search in text
// takes what stands in a block scalar for keys and values. The text of a block scalar may itself be YAML, such as a patch in
// a kustomization; it then has a scanner of its own.
type yamlScanner struct {
	*scanner
	offset    int
	positions *yamldoc.Text // of the YAML, in which offset is 0
	// hasLines and inChartValues are about the mapping that is visited: whether it may get the keys of line sites, and
	// whether it holds values that a kustomization gives a chart.
	hasLines, inChartValues bool
	anchored                map[*yaml.Node]*Site // of values with an anchor
}

func (w *yamlScanner) node(node *yaml.Node, path yamldoc.Path) {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			w.pair(node, node.Content[i], node.Content[i+1], path)
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			w.node(item, path.Below(yamldoc.Item(i, item)))
		}
	case yaml.AliasNode:
		if site := w.anchored[node.Alias]; site != nil {
			start, end, _ := w.positions.Bounds(node)
			alias := Alias{Start: w.offset + start, End: w.offset + end}
			if w.in.HoldsValues() {
				alias.Key = path.String()
			}
			site.Aliases = append(site.Aliases, alias)
		}
	case yaml.ScalarNode:
		w.scalar(node, path)
	}
}

// pair visits a key of a mapping and its value.
func (w *yamlScanner) pair(mapping, key, value *yaml.Node, path yamldoc.Path) {
	if w.hasLines && w.isLineKey(key.Value) {
		w.add(lineAt(w.in, w.offset, w.positions, mapping, key, value))
	}
	inDeclaration := w.in.Use == render.UseDeclaration
	if inDeclaration && w.isIdentity(key.Value) {
		return
	}
	outer := *w
	below := path.Below(yamldoc.Key(key.Value))
	switch {
	case key.Value == "valuesInline": // of a chart in a kustomization
		w.hasLines, w.inChartValues = true, true
	case inDeclaration && w.isValuesKey(key.Value):
		below = nil // The paths in the values begin here.
	}
	w.node(value, below)
	w.hasLines, w.inChartValues = outer.hasLines, outer.inChartValues
}

// isValuesKey reports whether a key of a declaration has the values for a chart.
func (t *targets) isValuesKey(key string) bool {
	return t.declaration != nil && len(t.declaration.Values) > 0 && t.declaration.Values.Last() == key
}

// lineAt returns the site of the line that gives a mapping a value. Its token becomes another key of the mapping, before the
// key of the line, and goes with the mapping through merges, patches and parsers: {image: a} becomes
// {"zq0000005": "", image: a}. The positions are those of a part of the input that begins at an offset.
func lineAt(in *Input, offset int, positions *yamldoc.Text, mapping, key, value *yaml.Node) *Site {
	at, ok := positions.Offset(key)
	start, end, _ := positions.Bounds(key)
	if value.Kind != yaml.ScalarNode || value.Value != "" || value.Style != 0 {
		_, end, _ = positions.Bounds(value)
	} else {
		end += bytes.IndexByte(in.Data[offset+end:], ':') + 1
	}
	if !ok {
		at, start, end = 0, 0, 0 // The file is UTF-16.
	}
	isFlow := mapping.Style&yaml.FlowStyle != 0
	between := "\n" + strings.Repeat(" ", max(key.Column-1, 0))
	if isFlow {
		between = ", "
	} else if offset > 0 {
		before := in.Data[:offset+at]
		between = "\n" + strings.Repeat(" ", len(before)-1-bytes.LastIndexByte(before, '\n'))
	}
	return &Site{
		Input: in, Start: offset + at, End: offset + at, Kind: LineAnchor, Field: key.Value, InFlow: isFlow,
		mayBeEmpty: value.Kind == yaml.ScalarNode && (value.Tag == "!!null" || value.Value == ""),
		encode:     func(token string) string { return strconv.Quote(token) + `: ""` + between },
		SpanStart:  offset + start, SpanEnd: offset + end,
	}
}

func (w *yamlScanner) scalar(node *yaml.Node, path yamldoc.Path) {
	start, end, ok := w.positions.Bounds(node)
	if !ok {
		return
	}
	start, end = w.offset+start, w.offset+end
	if w.in.Use == render.UseKustomization && w.offset == 0 && !w.inChartValues && path.Last() == "name" && !w.fields["name"] {
		return // It selects, for example an image to replace, and is no value.
	}
	site := &Site{Start: start, End: end, Value: node.Value, Key: path.String(), InChartValues: w.inChartValues, encode: quoteScalar}
	isNamed := w.isNamedLikeField(path.Last())
	switch {
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		w.block(node, end, path)
	case isPartOf(w.values, node.Value):
		if site.isNumber = node.Tag == "!!int" && isWholeNumber(node.Value); !site.isNumber {
			site.encode = strconv.Quote
		}
		w.add(site)
		if node.Anchor != "" {
			w.anchored[node] = site
		}
	case w.embedded(node, start, end, path):
	case isNamed && node.Value != "":
		site.Kind = NameSite
		w.add(site)
	case w.mentionsValue(node.Value):
		before := len(w.sites)
		w.words(start, string(w.in.Data[start:end]))
		w.setKey(before, path)
	}
}

// setKey gives the sites from an index on the key of a path.
func (w *yamlScanner) setKey(from int, path yamldoc.Path) {
	for _, site := range w.sites[from:] {
		site.Key = path.String()
	}
}

// quoteScalar writes a scalar that is valid in YAML and JSON and keeps the type of the value.
func quoteScalar(value string) string {
	if isWholeNumber(value) || value == "true" || value == "false" {
		return value
	}
	return strconv.Quote(value)
}

// block finds the sites in the lines of the block scalar whose header ends at an offset: a patch, or a text that templates
// use.
func (w *yamlScanner) block(node *yaml.Node, header int, path yamldoc.Path) {
	if !w.couldHaveSite(node.Value) {
		return
	}
	from, to := w.in.Text().BlockLines(header)
	before := len(w.sites)
	if w.in.Use == render.UseValues || w.in.Use == render.UseChartFile || !w.inner(from, to, path) {
		w.template(from, to)
	} else if w.in.Use == render.UseDeclaration {
		return // The keys are those in the text.
	}
	w.setKey(before, path)
}

// inner finds the sites in YAML that stands in a scalar of the file.
func (w *yamlScanner) inner(from, to int, path yamldoc.Path) bool {
	return w.yamlPart(from, to, w.in.Use != render.UseDeclaration || path.Last() == "patch")
}

// embedded finds the sites in a scalar on one line that is itself YAML or JSON, as an inline patch can be.
func (w *yamlScanner) embedded(node *yaml.Node, start, end int, path yamldoc.Path) bool {
	use := w.in.Use
	canEmbed := use == render.UseKustomization || use == render.UseDeclaration || use == render.UsePatch
	if !canEmbed || !strings.ContainsAny(node.Value, "{[") {
		return false
	}
	raw := w.in.Data[start:end]
	isDoubleQuoted := raw[0] == '"'
	if len(raw) > 1 && (isDoubleQuoted || raw[0] == '\'') {
		start, end = start+1, end-1
		raw = w.in.Data[start:end]
	}
	before := len(w.sites)
	if string(raw) != node.Value || !w.inner(start, end, path) {
		return false
	}
	for _, site := range w.sites[before:] {
		if isDoubleQuoted && site.Kind == ValueSite && !site.isNumber {
			site.encode = verbatim // Quotes would end the scalar.
		}
	}
	return true
}
