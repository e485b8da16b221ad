package fix

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// combine sorts the edits of a file, and makes one of those that insert keys at one place below the same key: both
// would write that key.
func combine(edits []yamldoc.Edit) []yamldoc.Edit {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b yamldoc.Edit) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), strings.Compare(a.NewText, b.NewText))
	})
	var combined []yamldoc.Edit
	for _, edit := range edits {
		if n := len(combined); n > 0 && edit.Start == edit.End && combined[n-1].Start == edit.Start && combined[n-1].End == edit.End {
			if text, ok := join(combined[n-1].NewText, edit.NewText); ok {
				combined[n-1].NewText = text
				continue
			}
		}
		combined = append(combined, edit)
	}
	return combined
}

// join makes one text of two that are YAML mappings with a key in common: in lines of their own, or in flow style.
func join(a, b string) (string, bool) {
	if !strings.Contains(a+b, "\n") || strings.HasPrefix(a, ",") {
		return joinFlow(a, b)
	}
	first, second := mapping(a), mapping(b)
	if first == nil || second == nil || !common(first, second) {
		return "", false
	}
	add(first, second)
	text, err := encode(first)
	body := strings.TrimLeft(a, "\r\n")
	before, after := a[:len(a)-len(body)], a[len(strings.TrimRight(a, "\r\n")):]
	newline := cmp.Or(before, after)
	indent := body[:len(body)-len(strings.TrimLeft(body, " "))]
	return before + indent + strings.ReplaceAll(text, "\n", newline+indent) + after, err == nil && (newline == "\n" || newline == "\r\n")
}

// joinFlow is join for keys of a mapping in flow style. Behind or before other keys of the mapping there is a comma.
func joinFlow(a, b string) (string, bool) {
	const around = ", \r\n"
	inner := strings.Trim(a, around)
	first, second := mapping("{"+inner+"}"), mapping("{"+strings.Trim(b, around)+"}")
	before, after, _ := strings.Cut(a, inner)
	switch {
	case first == nil || second == nil:
		return "", false
	case !common(first, second) && before+after != "":
		return "", false // They stand one behind the other as they are.
	case !common(first, second):
		return a + ", " + b, true
	}
	add(first, second)
	text, err := encode(first)
	return before + strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}") + after, err == nil
}

// encode writes a mapping in its style, without the final newline.
func encode(node *yaml.Node) (string, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err := encoder.Encode(node)
	return strings.TrimRight(text.String(), "\n"), err
}

// mapping is the mapping that a text is; nil if it is none.
func mapping(text string) *yaml.Node {
	var node yaml.Node
	if yaml.Unmarshal([]byte(text), &node) != nil || len(node.Content) != 1 || node.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	return node.Content[0]
}

func common(a, b *yaml.Node) bool {
	for i := 0; i < len(a.Content); i += 2 {
		if yamldoc.Field(b, a.Content[i].Value) != nil {
			return true
		}
	}
	return false
}

// add adds what a mapping has to another one.
func add(to, from *yaml.Node) {
	for i := 0; i+1 < len(from.Content); i += 2 {
		value := yamldoc.Field(to, from.Content[i].Value)
		switch {
		case value == nil:
			to.Content = append(to.Content, from.Content[i], from.Content[i+1])
		case value.Kind == yaml.MappingNode && from.Content[i+1].Kind == yaml.MappingNode:
			add(value, from.Content[i+1])
		case value.Kind == yaml.SequenceNode && from.Content[i+1].Kind == yaml.SequenceNode:
			value.Content = append(value.Content, from.Content[i+1].Content...) // two lists of patches
		}
	}
}
