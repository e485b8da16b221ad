package yamldoc

import (
	"fmt"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Path leads from the root of a document, such as an object or a values file, to a value in it. For example,
// spec.containers[0].image has the steps spec, containers, 0 and image.
type Path []Step

// Step is one step of a path: a key of a mapping (then Index is -1), or the index of an item in a sequence. Name is the
// value of the item's key name, if the item is a mapping with this key, such as a container.
type Step struct {
	Key   string
	Index int
	Name  string
}

// Key returns the step to the value of a key.
func Key(key string) Step { return Step{Key: key, Index: -1} }

// Item returns the step to an item of a sequence.
func Item(index int, item *yaml.Node) Step {
	return Step{Index: index, Name: Scalar(Resolve(item), "name")}
}

// Below returns a copy of the path with more steps at its end. The copy shares no memory with the path.
func (p Path) Below(steps ...Step) Path { return append(append(Path(nil), p...), steps...) }

// Last returns the last key on the path; "" if there is none.
func (p Path) Last() string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].Index < 0 {
			return p[i].Key
		}
	}
	return ""
}

// String returns the path as spec.containers[0].image. A key with a dot, a bracket, a quote or a space is written
// ["a.b"].
func (p Path) String() string { return p.format(false) }

// Named returns the path with names of items in place of indexes, where items have a name: spec.containers[api].image.
// A named path stays valid when somebody adds an item before the named item.
func (p Path) Named() string { return p.format(true) }

// format writes the path for String and Named.
func (p Path) format(withNames bool) string {
	var b strings.Builder
	for _, s := range p {
		switch {
		case s.Index >= 0 && withNames && s.Name != "" && !strings.ContainsAny(s.Name, "[]\"\n"):
			b.WriteString("[" + s.Name + "]")
		case s.Index >= 0:
			b.WriteString("[" + strconv.Itoa(s.Index) + "]")
		case s.Key == "" || strings.ContainsAny(s.Key, ".[]\" \t\n"):
			b.WriteString("[" + strconv.Quote(s.Key) + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Key)
		}
	}
	return b.String()
}

// ParsePath is the reverse of String and Named: it returns the path for a text such as spec.containers[api].image. In a
// step with a name, the index is 0, and Lookup finds the item by its name. The error says which part of the text is
// wrong.
func ParsePath(text string) (Path, error) {
	var path Path
	for rest := text; rest != ""; {
		var step Step
		var err error
		if rest[0] == '[' {
			step, rest, err = parseBrackets(rest[1:])
		} else {
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			step, rest = Key(rest[:end]), rest[end:]
			if step.Key == "" {
				err = fmt.Errorf("a key is missing before %q", rest)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no path like spec.template.spec.containers[0].image: %w", text, err)
		}
		path = append(path, step)
		if after, ok := strings.CutPrefix(rest, "."); ok {
			if rest = after; rest == "" {
				return nil, fmt.Errorf(
					"%q is no path like spec.template.spec.containers[0].image: it ends with a dot", text)
			}
		}
	}
	return path, nil
}

// parseBrackets reads an index, a name or a quoted key up to the closing bracket, and returns the rest of the text.
func parseBrackets(text string) (Step, string, error) {
	if quoted, err := strconv.QuotedPrefix(text); err == nil {
		rest, ok := strings.CutPrefix(text[len(quoted):], "]")
		if !ok {
			return Step{}, "", fmt.Errorf("no ] behind %s", quoted)
		}
		key, err := strconv.Unquote(quoted)
		return Key(key), rest, err
	}
	inside, rest, ok := strings.Cut(text, "]")
	if !ok || inside == "" {
		return Step{}, "", fmt.Errorf("[ without an index or name and ]")
	}
	if index, err := strconv.Atoi(inside); err == nil && index >= 0 {
		return Step{Index: index}, rest, nil
	}
	return Step{Name: inside}, rest, nil
}

// Lookup returns the value at a path, and the mapping or sequence that holds the value. The value may be an alias. If
// only the last step leads nowhere, value is nil and holder is the mapping or sequence without the value; if an earlier
// step leads nowhere, both are nil. A step with a name leads to the item at its index if the item has the name, and
// otherwise to the first item with the name.
func Lookup(root *yaml.Node, path Path) (value, holder *yaml.Node) {
	value = root
	for i, step := range path {
		holder = Resolve(value)
		value = nil
		switch {
		case holder == nil:
		case step.Index < 0 && holder.Kind == yaml.MappingNode:
			value = valueOf(holder, step.Key)
		case step.Index >= 0 && holder.Kind == yaml.SequenceNode:
			value = itemOf(holder, step)
		}
		if value == nil {
			if i < len(path)-1 {
				holder = nil
			}
			return nil, holder
		}
	}
	return value, holder
}

// itemOf returns the item of a sequence to which a step leads; nil if there is no such item.
func itemOf(sequence *yaml.Node, step Step) *yaml.Node {
	if step.Index < len(sequence.Content) {
		if item := sequence.Content[step.Index]; step.Name == "" || Scalar(Resolve(item), "name") == step.Name {
			return item
		}
	}
	for _, item := range sequence.Content {
		if step.Name != "" && Scalar(Resolve(item), "name") == step.Name {
			return item
		}
	}
	return nil
}

// ScalarAt returns the text of the scalar at a path; "" if the value is absent, null, a mapping or a list.
func ScalarAt(root *yaml.Node, path Path) string {
	value, _ := Lookup(root, path)
	if value = Resolve(value); value == nil || value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
		return ""
	}
	return value.Value
}
