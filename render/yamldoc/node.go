// Package yamldoc is the program's one model of a YAML document: the guarded parser (Parse), the values of a mapping
// with aliases and merge keys resolved (Field, Fields), paths (Path), positions in bytes (Text, Location), and the one
// way to write a key or a value into the text of a document (Document, Edit).
//
// It works on the node tree of sigs.k8s.io/kustomize/kyaml/yaml, which keeps lines, columns and comments. The nodes are
// never decoded into typed structs, so that each value keeps its position. Duplicate keys, merge keys and JSON are read
// as the API server and kubectl read them. A node without a position in the text, such as a node of a UTF-16 file, has
// no Location. No function changes the nodes that it is given.
package yamldoc

import (
	"bytes"
	"fmt"
	"iter"
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Resolve returns the node to which an alias refers; it returns any other node, also nil, unchanged.
func Resolve(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// maxExpanded is the number of nodes to which all aliases of a document may expand together. From this number on, the
// decoder of the API server may refuse a document (alias_ratio_range_low in decode.go of go.yaml.in/yaml).
const maxExpanded = 400_000

// longText is the number of bytes of a text that count as one more node. Decode copies a text for each alias.
const longText = 64

// aliases counts the nodes to which the aliases of a document expand. Without a limit, a walk over the nodes may not
// end: an alias may refer to its own parent, and a few lines of aliases may expand to billions of nodes.
type aliases struct {
	open     map[*yaml.Node]bool // the anchored nodes around the current node
	sizes    map[*yaml.Node]int  // anchored node, if all of it was counted → the number of nodes to which it expands
	expanded int                 // the nodes of all aliases so far
}

// CheckAliases returns an error for a text in YAML whose aliases another parser must not expand: see Parse. It parses
// only a text that may have several aliases. It returns no error for a text that is not YAML.
func CheckAliases(text []byte) error {
	if len(alias.FindAllIndex(text, 2)) < 2 {
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		if decoder.Decode(&node) != nil {
			return nil
		}
		if err := measureAliases(&node); err != nil {
			return err
		}
	}
}

// alias matches what may be an alias.
var alias = regexp.MustCompile(`(?m)(?:^|[\s\[,{:?-])\*[^\s\],}*]`)

// measureAliases returns an error if an alias refers to a node around it, or if the aliases of a document expand to
// more than maxExpanded nodes.
func measureAliases(root *yaml.Node) error {
	a := aliases{map[*yaml.Node]bool{}, map[*yaml.Node]int{}, 0}
	_, err := a.size(root)
	return err
}

// size returns the number of nodes to which a node expands, itself included; long texts count more. It relies on YAML's order: an anchor comes
// before its aliases.
func (a *aliases) size(node *yaml.Node) (int, error) {
	if node.Kind == yaml.AliasNode {
		a.expanded += a.sizes[node.Alias]
		switch {
		case a.open[node.Alias]:
			return 0, fmt.Errorf("yaml: line %d: the alias *%s stands inside its own anchor", node.Line, node.Value)
		case a.expanded > maxExpanded:
			return 0, fmt.Errorf("yaml: line %d: the aliases up to here stand for more than %d nodes",
				node.Line, maxExpanded)
		}
		return a.sizes[node.Alias], nil
	}
	if node.Anchor != "" {
		a.open[node] = true
	}
	total := 1 + len(node.Value)/longText
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

// Field returns the value of a key of a mapping, with aliases and merge keys (<<) resolved. It returns nil if the key
// is absent, or if the node is not a mapping. If a key is written or merged several times, the last value counts, as
// for the API server: its clients fill a mapping in the order of the text, so a merge key overrides the keys before it,
// whatever https://yaml.org/type/merge.html says (func merge in decode.go of go.yaml.in/yaml/v2).
func Field(mapping *yaml.Node, key string) *yaml.Node {
	return Resolve(valueOf(Resolve(mapping), key))
}

// valueOf is Field, but it does not resolve an alias: an edit replaces the alias, at the position of the alias in the
// text.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := len(mapping.Content) - 2; i >= 0; i -= 2 {
		switch name := mapping.Content[i]; {
		case isMerge(name):
			if value := mergedField(mapping.Content[i+1], key); value != nil {
				return value
			}
		case name.Value == key:
			return mapping.Content[i+1]
		}
	}
	return nil
}

// mergedField returns the value of a key in the value of a merge key: a mapping, or a list of mappings. The first
// mapping with the key wins.
func mergedField(value *yaml.Node, key string) (found *yaml.Node) {
	eachMerged(value, func(mapping *yaml.Node) bool {
		found = valueOf(mapping, key)
		return found == nil
	})
	return found
}

// Fields returns the keys and values of a mapping in the order of the text, with merge keys (<<) resolved. Merged keys
// take the place of the merge key. If a key is written or merged several times, only the value that Field returns is
// among them. Aliases are not resolved: an alias has its own position in the text. For example, the fields of
//
//	{a: 1, <<: {a: 2, b: 3}, c: 4, c: 5}
//
// are a: 1, b: 3 and c: 5. The cost is linear in the size of the mapping.
func Fields(mapping *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		if len(mapping.Content) >= manyKeys || slices.ContainsFunc(mapping.Content, isMerge) {
			effective := make(map[string]*yaml.Node, len(mapping.Content)/2)
			collectFields(effective, mapping)
			eachField(mapping, effective, yield)
			return
		}
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			if !isRepeated(mapping.Content[i:]) && !yield(mapping.Content[i], mapping.Content[i+1]) {
				return
			}
		}
	}
}

// manyKeys is the number of nodes in a mapping from which a map is quicker than a search for each key.
const manyKeys = 100

// isMerge reports whether a key is the merge key <<. A quoted "<<" is an ordinary key.
func isMerge(node *yaml.Node) bool { return node.Tag == "!!merge" }

// isRepeated reports whether the first key of a list of keys and values occurs again in the list. The API server then
// ignores the first value.
func isRepeated(pairs []*yaml.Node) bool {
	for i := 2; i < len(pairs); i += 2 {
		if pairs[i].Value == pairs[0].Value {
			return true
		}
	}
	return false
}

// collectFields adds the values of a mapping to effective, but keeps the keys that effective already has. The last
// keys of the mapping come first, as in Field.
func collectFields(effective map[string]*yaml.Node, mapping *yaml.Node) {
	for i := len(mapping.Content) - 2; i >= 0; i -= 2 {
		switch key, value := mapping.Content[i], mapping.Content[i+1]; {
		case isMerge(key):
			eachMerged(value, func(merged *yaml.Node) bool {
				collectFields(effective, merged)
				return true
			})
		case effective[key.Value] == nil:
			effective[key.Value] = value
		}
	}
}

// eachField calls yield for the keys and values of a mapping, and of the mappings that it merges, if the value is in
// effective. It removes the key from effective, because the same mapping may be merged twice. It returns false after
// yield has returned false.
func eachField(mapping *yaml.Node, effective map[string]*yaml.Node, yield func(key, value *yaml.Node) bool) bool {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		more := true
		switch {
		case isMerge(key):
			more = eachMerged(value, func(merged *yaml.Node) bool { return eachField(merged, effective, yield) })
		case effective[key.Value] == value:
			delete(effective, key.Value)
			more = yield(key, value)
		}
		if !more {
			return false
		}
	}
	return true
}

// eachMerged calls visit for the mappings in the value of a merge key, in their order, until visit returns false. It
// returns false after visit has returned false.
func eachMerged(value *yaml.Node, visit func(*yaml.Node) bool) bool {
	switch value = Resolve(value); value.Kind {
	case yaml.SequenceNode:
		for _, item := range value.Content {
			if !eachMerged(item, visit) {
				return false
			}
		}
	case yaml.MappingNode:
		return visit(value)
	}
	return true
}

// Duplicates returns the number of keys in a mapping that repeat an earlier key of the mapping. Programs differ in the
// value that they read for such a key: the first, the last, or an error.
func Duplicates(mapping *yaml.Node) int {
	distinct := make(map[string]bool, len(mapping.Content)/2)
	for i := 0; i < len(mapping.Content); i += 2 {
		distinct[mapping.Content[i].Value] = true
	}
	return len(mapping.Content)/2 - len(distinct)
}

// Scalar returns the text of the scalar at a key of a mapping, without quotes; "" if the value is absent, null, a
// mapping or a list.
func Scalar(mapping *yaml.Node, key string) string {
	value := Field(mapping, key)
	if value == nil || value.Kind != yaml.ScalarNode || value.Tag == "!!null" {
		return ""
	}
	return value.Value
}

var (
	// yamlLine matches the beginning of a message of the YAML library, with the line if there is one.
	yamlLine = regexp.MustCompile(`(?:.*: )?yaml: (?:unmarshal errors:\s+)?(?:line (\d+): )?`)
	// parserError matches the messages of the library's parser (parserc.go), whose lines count from 0. The lines of the
	// library's scanner count from 1 (func fail in decode.go of go.yaml.in/yaml).
	parserError = regexp.MustCompile(
		`^did not find expected (<document start>|node content|key|'-' indicator|',' or )` +
			`|^found (undefined tag handle|duplicate %|incompatible YAML document)`)
	// unknownAnchor matches the message for an alias without its anchor, which has no line.
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)
