package render

import (
	"errors"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Resolve follows an alias to the node it stands for. It returns nil for nil.
func Resolve(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// maxExpanded is how many nodes the aliases of a document may stand for. The decoder behind the API server
// begins to refuse there (alias_ratio_range_low in go.yaml.in/yaml's decode.go).
const maxExpanded = 400_000

// aliases measures what the aliases of a document stand for: an anchor may stand inside itself, and a few lines
// may expand to billions of nodes. Whatever walks a document that was measured comes to an end.
type aliases struct {
	open     map[*yaml.Node]bool // anchors that the place is inside of
	sizes    map[*yaml.Node]int  // of the anchors that are complete
	expanded int
}

func measureAliases(root *yaml.Node) error {
	a := aliases{map[*yaml.Node]bool{}, map[*yaml.Node]int{}, 0}
	_, err := a.size(root)
	return err
}

// size is the number of nodes that a node stands for. An anchor stands before its aliases.
func (a *aliases) size(node *yaml.Node) (int, error) {
	if node.Kind == yaml.AliasNode {
		a.expanded += a.sizes[node.Alias]
		switch {
		case a.open[node.Alias]:
			return 0, fmt.Errorf("yaml: line %d: the alias *%s stands inside its own anchor", node.Line, node.Value)
		case a.expanded > maxExpanded:
			return 0, fmt.Errorf("yaml: line %d: the aliases up to here stand for more than %d nodes", node.Line, maxExpanded)
		}
		return a.sizes[node.Alias], nil
	}
	if node.Anchor != "" {
		a.open[node] = true
	}
	total := 1
	for _, child := range node.Content {
		size, err := a.size(child)
		if err != nil {
			return 0, err
		}
		total += size
	}
	if node.Anchor != "" {
		delete(a.open, node)
		a.sizes[node] = total
	}
	return total, nil
}

// Field returns the value of a key of a mapping, with aliases and merge keys (<<) resolved, or nil. Of
// duplicate keys the last counts, as for the API server.
func Field(mapping *yaml.Node, key string) *yaml.Node {
	mapping = Resolve(mapping)
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	var merged *yaml.Node
	for i := len(mapping.Content) - 2; i >= 0; i -= 2 {
		switch name := mapping.Content[i]; {
		case name.Tag == "!!merge":
			if value := mergedField(mapping.Content[i+1], key); value != nil {
				merged = value
			}
		case name.Value == key:
			return Resolve(mapping.Content[i+1])
		}
	}
	return merged
}

// mergedField looks a key up in the value of a merge key: a mapping, or a list of them of which the
// first that has the key wins (https://yaml.org/type/merge.html).
func mergedField(value *yaml.Node, key string) *yaml.Node {
	value = Resolve(value)
	if value.Kind != yaml.SequenceNode {
		return Field(value, key)
	}
	for _, mapping := range value.Content {
		if found := Field(mapping, key); found != nil {
			return found
		}
	}
	return nil
}

// Scalar returns the text of a key of a mapping, or "" where there is none or it is no scalar or null.
func Scalar(mapping *yaml.Node, key string) string {
	value := Field(mapping, key)
	if value == nil || value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
		return ""
	}
	return value.Value
}

var (
	yamlLine = regexp.MustCompile(`(?:.*: )?yaml: (?:unmarshal errors:\s+)?(?:line (\d+): )?`)
	// The parser counts the lines of its own errors from 0, those of its scanner from 1 (func fail in decode.go
	// of go.yaml.in/yaml). These are the parser's (parserc.go).
	parserError = regexp.MustCompile(`^did not find expected (<document start>|node content|key|'-' indicator|',' or )` +
		`|^found (undefined tag handle|duplicate %|incompatible YAML document)`)
	// The parser tells no line for an alias without its anchor.
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// YAMLError gives a YAML parser's error its place. The parser tells no column: it is that of the line's first
// character. An error without a line is about the first.
func YAMLError(path string, text []byte, err error) error {
	message := err.Error()
	line := 1
	if match := yamlLine.FindStringSubmatch(message); match != nil {
		message = strings.TrimPrefix(message, match[0])
		if match[1] != "" {
			line, _ = strconv.Atoi(match[1])
			if parserError.MatchString(message) {
				line++
			}
		}
	}
	if match := unknownAnchor.FindStringSubmatch(message); match != nil {
		before, _, _ := strings.Cut(string(text), "*"+match[1])
		line = strings.Count(before, "\n") + 1
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	line = min(line, len(lines))
	if strings.HasPrefix(message, "did not find expected key") || strings.HasPrefix(message, "did not find expected '-' indicator") {
		// The parser tells where the mapping or list starts: what does not belong there is the first line with which the
		// text has the error.
		line += sort.Search(len(lines)-line, func(n int) bool {
			_, short := ParseYAML([]byte(strings.Join(lines[:line+n], "\n")))
			return short != nil && strings.HasSuffix(err.Error(), short.Error())
		})
	}
	if strings.Contains(message, "a tab character") {
		// The parser tells where the scalar before the tab starts.
		for i := line - 1; i < len(lines); i++ {
			if strings.HasPrefix(strings.TrimLeft(lines[i], " "), "\t") {
				line = i + 1
				break
			}
		}
	}
	column := len(lines[line-1]) - len(strings.TrimLeft(lines[line-1], " \t")) + 1
	return &Error{Location: Location{Path: path, Line: line, Column: column}, Err: errors.New(message)}
}
