package yamldoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// decoderBuffer is the number of bytes in which kubectl, Helm and Argo CD look for the brace of JSON.
const decoderBuffer = 4096

// Decode returns the documents of a text as kubectl, Helm and Argo CD decode them before they send them to the API
// server: with the decoder of k8s.io/apimachinery, which splits the text at lines that begin with ---, and decodes each
// part with sigs.k8s.io/yaml. Its nodes have no positions, no aliases and no merge keys, and their keys are sorted.
// Empty documents are left out.
//
// If the decoder fails, Decode returns the documents before the error, too: kubectl has applied them by then. The
// aliases of the text must not expand to much: see Parse.
func Decode(text []byte) ([]*yaml.Node, error) {
	var nodes []*yaml.Node
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), decoderBuffer)
	for {
		var value json.RawMessage
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nodes, err
		}
		tokens := json.NewDecoder(bytes.NewReader(value))
		tokens.UseNumber()
		var decoded any
		if err := tokens.Decode(&decoded); err != nil {
			return nodes, err
		}
		if decoded != nil {
			nodes = append(nodes, nodeOf(decoded))
		}
	}
}

// nodeOf returns a decoded JSON value as a node.
func nodeOf(value any) *yaml.Node {
	switch value := value.(type) {
	case map[string]any:
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			node.Content = append(node.Content, nodeOf(key), nodeOf(value[key]))
		}
		return node
	case []any:
		node := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, item := range value {
			node.Content = append(node.Content, nodeOf(item))
		}
		return node
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.DoubleQuotedStyle}
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: value.String()}
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(value)}
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
}

// asDecoded gives parsed documents of a text the values that Decode returns. A document whose keys or lists differ is
// replaced by the decoded one, which has no positions. A parsed document that Decode does not return is kept: it is not
// deployed by the clients of the API server, but another tool may read it.
func asDecoded(text []byte, parsed []*yaml.Node) []*yaml.Node {
	decoded, _ := Decode(text) // Parsing has found no error. What cannot be decoded is checked as it was parsed.
	for i, node := range parsed {
		if len(decoded) == 0 {
			break
		}
		if isNull(node) {
			continue
		}
		if !setValues(node, decoded[0]) {
			parsed[i] = decoded[0]
		}
		decoded = decoded[1:]
	}
	return append(parsed, decoded...)
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// setValues gives the scalars below a parsed node the values of a decoded node, and keeps their positions. It reports
// false if the two differ in keys or lists. Numbers and booleans stay as they are written, although the decoder writes
// 0x10 as 16 and yes as true: no field that holds or names a container is a number or a boolean.
func setValues(parsed, decoded *yaml.Node) bool {
	parsed = Resolve(parsed)
	if parsed.Kind != decoded.Kind {
		return false
	}
	switch parsed.Kind {
	case yaml.ScalarNode:
		isWritten := parsed.Style == 0 && decoded.Tag != "!!str" && !isNull(decoded)
		if !isWritten && (isNull(parsed) != isNull(decoded) || !isNull(parsed) && parsed.Value != decoded.Value) {
			parsed.Value, parsed.Tag = decoded.Value, decoded.Tag
		}
		return true
	case yaml.SequenceNode:
		return slices.EqualFunc(parsed.Content, decoded.Content, setValues)
	}
	fields := map[string]*yaml.Node{}
	for key, value := range Fields(parsed) {
		fields[key.Value] = value
	}
	for key, value := range Fields(decoded) {
		other := fields[key.Value]
		delete(fields, key.Value)
		if other == nil && isText(key.Value) || other != nil && !setValues(other, value) {
			return false
		}
	}
	for key := range fields {
		if isText(key) {
			return false
		}
	}
	return true
}

// isText reports whether a key without quotes is certainly a text for every version of YAML.
func isText(key string) bool {
	switch key {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF",
		"true", "True", "TRUE", "false", "False", "FALSE":
		return false
	}
	return key == "" || bytes.IndexByte([]byte("+-.0123456789"), key[0]) < 0
}

// isPlain reports whether a text is written as most tools write YAML: block and flow style, plain and quoted scalars and
// block scalars, in ASCII. In such a text all YAML libraries read the same. In any other text they may differ: in
// anchors, tags, merge keys, directives, escapes, and in characters that some take for the end of a line.
func isPlain(text []byte) bool {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return false // This may be JSON.
	}
	before := byte('\n')
	for i, c := range text {
		switch c {
		case '\n', ' ':
		case '\r':
			if i+1 == len(text) || text[i+1] != '\n' {
				return false
			}
		case '&', '*', '!', '%', '@', '`', '?', '<':
			if beginsToken(before) {
				return false
			}
		case '-', '.':
			if before == '\n' && isMarker(text[i:]) {
				return false
			}
		default:
			if c < ' ' || c > '~' || c == '\\' {
				return false
			}
		}
		before = c
	}
	return true
}

// MayHide reports whether a text may hold a word that a search for the word does not find: in an escape ("\x6bind"), in
// base64 (!!binary a2luZA==), or in UTF-16, which has zero bytes. It is true for some other texts, too.
func MayHide(text []byte) bool {
	for rest := text; ; {
		i := bytes.IndexByte(rest, '\\')
		if i < 0 || i+1 == len(rest) {
			break
		}
		rest = rest[i+1:]
		// A backslash joins two lines, and there are other line breaks than CR and LF.
		if c := rest[0]; bytes.IndexByte([]byte("xuU\r\n"), c) >= 0 || c >= utf8.RuneSelf {
			return true
		}
	}
	return bytes.IndexByte(text, 0) >= 0 ||
		bytes.Contains(text, []byte("!!")) || bytes.Contains(text, []byte("!<")) || bytes.Contains(text, []byte("%TAG"))
}

// beginsToken reports whether a token of YAML may begin behind a character.
func beginsToken(before byte) bool { return bytes.IndexByte([]byte("\n -:,[{?"), before) >= 0 }

// isMarker reports whether a line begins with a marker of a document, and is not just ---.
func isMarker(line []byte) bool {
	if bytes.HasPrefix(line, []byte("...")) {
		return true
	}
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && len(rest) > 0 && rest[0] != '\n' && rest[0] != '\r'
}
