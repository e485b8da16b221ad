package yamldoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// ParseStream returns the root nodes of the documents in a text, as kubectl reads a file: YAML documents with ---
// between them, or JSON values without any separator ({…}{…}), which YAML does not allow. Lines and columns of the
// nodes count from the start of the text. The errors are those of Parse.
//
// The values are those of Decode. The parser reads some texts in another way than the decoder of the API server's
// clients, and a text could be written so that it passes a check as parsed, and is deployed as decoded. A document that
// the two read in two ways is returned as it is decoded, without positions.
func ParseStream(text []byte) ([]*yaml.Node, error) {
	nodes, err := parseStream(text)
	if err != nil || isPlain(text) {
		return nodes, err
	}
	return asDecoded(text, nodes), nil
}

// parseStream is ParseStream without a look at Decode.
func parseStream(text []byte) ([]*yaml.Node, error) {
	ends := jsonValues(text)
	if len(ends) > 0 {
		text = withoutSurrogates(text)
	}
	if len(ends) < 2 {
		return Parse(text)
	}
	var nodes []*yaml.Node
	start, line, column := 0, 0, 0
	for _, end := range ends {
		value, err := Parse(text[start:end])
		if err != nil {
			return nil, err
		}
		shift(value[0], line, column)
		nodes = append(nodes, value[0])
		line += bytes.Count(text[start:end], []byte("\n"))
		column = utf8.RuneCount(text[bytes.LastIndexByte(text[:end], '\n')+1 : end])
		start = end
	}
	return nodes, nil
}

// shift corrects the positions of a node and of all nodes below it, after a part of a text was parsed alone. The part
// begins after some lines of the text and some columns of its first line. Columns count characters.
func shift(node *yaml.Node, lines, columns int) {
	if node.Line == 1 {
		node.Column += columns
	}
	node.Line += lines
	for _, child := range node.Content {
		shift(child, lines, columns)
	}
}

// jsonValues returns the offset of the end of each JSON value in a text; nil if the text is not a sequence of JSON
// values that begins with an object.
func jsonValues(text []byte) []int {
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return nil
	}
	var ends []int
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return ends
		}
		if err != nil {
			return nil // YAML in flow style begins with a brace, too.
		}
		ends = append(ends, int(decoder.InputOffset()))
	}
}

var (
	jsonEscape = regexp.MustCompile(`\\(?:u[0-9a-fA-F]{4}|.)`)
	surrogate  = regexp.MustCompile(`(?i)^\\ud[89a-f][0-9a-f]{2}$`) // one half of a surrogate pair
)

// withoutSurrogates replaces surrogate pairs by question marks. JSON may write a character beyond U+FFFF as two
// escapes, such as \ud83d\ude00, and the YAML parser refuses them. The number of bytes stays the same, so that later
// columns on the line stay right.
func withoutSurrogates(text []byte) []byte {
	return jsonEscape.ReplaceAllFunc(text, func(escape []byte) []byte {
		if surrogate.Match(escape) {
			return bytes.Repeat([]byte("?"), len(escape))
		}
		return escape
	})
}

// Parse returns the root nodes of the YAML documents in a text. It returns an error for aliases that refer to a node
// around them, or that expand to more nodes than the API server accepts, so that a walk over the nodes always ends.
// ParseError adds the location to the error.
func Parse(text []byte) ([]*yaml.Node, error) {
	var nodes []*yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, err
		}
		if err := measureAliases(&node); err != nil {
			return nil, err
		}
		nodes = append(nodes, node.Content[0])
	}
}

// IsBlank reports whether a text is YAML without a value: only comments, empty documents and null.
func IsBlank(text []byte) bool {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var value any
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil || value != nil {
			return false
		}
	}
}
