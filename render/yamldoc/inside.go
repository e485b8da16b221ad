package yamldoc

import (
	"bytes"
	"regexp"
)

// Inside says in which scalar a line begins. A # there begins no comment.
type Inside byte

// A line begins in no scalar, in a block scalar, or inside of quotes.
const (
	InNothing      Inside = 0
	InBlockScalar  Inside = '|'
	InDoubleQuotes Inside = '"'
	InSingleQuotes Inside = '\''
)

// insideLines returns, for each line of an editor, in which scalar it begins. The text may be a template, which no YAML
// parser can read, so it goes by lines: a block scalar has the lines behind its header that are indented further than
// the key of the scalar, and a quote opens where a value can begin.
func insideLines(text []byte) []Inside {
	if bytes.Contains(text, []byte("{{")) {
		text = templateAction.ReplaceAllFunc(text, maskAction)
	}
	var all []Inside
	var quote byte
	block := -1 // the column of the key of the block scalar around the line; -1 if there is none
	for len(text) > 0 {
		line := text[:until(text, "\n")]
		text = text[min(len(line)+1, len(text)):]
		indent := len(line) - len(bytes.TrimLeft(line, " "))
		isBlank := len(bytes.Trim(line, " \t\rx")) == 0 // An action that is a line of its own is blank, too.
		if block >= 0 && (isBlank || indent >= block) {
			all = append(all, InBlockScalar)
			continue
		}
		all = append(all, Inside(quote))
		block = -1
		var comment int
		if comment, quote = ScanLine(line, quote); comment >= 0 {
			line = line[:comment]
		}
		if line = bytes.TrimRight(line, " \t\r"); quote == 0 && blockHeader.Match(line) {
			block = blockColumn(line)
		}
	}
	return all
}

var (
	templateAction = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	// blockHeader matches a line that ends with the header of a block scalar.
	blockHeader = regexp.MustCompile(`(?:^|[:?-]\s+|^---\s+)(?:[&!]\S*\s+)*[|>][-+0-9]*$`)
	inLine      = regexp.MustCompile(`[^\n]`)
)

// maskAction returns a template action as a value of the same length, on the same lines.
func maskAction(action []byte) []byte { return inLine.ReplaceAll(action, []byte("x")) }

// blockColumn returns the least column of the lines of a block scalar, from its header: one more than the column of the
// key, or of the last dash if the scalar is an item. A scalar that is a whole document may begin in column 0.
func blockColumn(header []byte) int {
	if bytes.HasPrefix(header, []byte("---")) {
		return 0
	}
	column, dash := 0, -1
	for column < len(header) {
		switch {
		case header[column] == ' ':
		case header[column] == '-' && column+1 < len(header) && header[column+1] == ' ':
			dash = column
		case header[column] == '|', header[column] == '>':
			return dash + 1
		default:
			return column + 1
		}
		column++
	}
	return column
}

// ScanLine looks for a comment in a line that begins inside of a quote, or inside of none (0). It returns the offset of
// the comment, or -1, and the quote in which the next line begins. A quote opens only where a value can begin: the
// apostrophe of "don't" is no quote.
func ScanLine(line []byte, quote byte) (comment int, open byte) {
	before := byte(0) // the last character that is no space; 0 at the start of the line
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote == '"' && c == '\\', quote == '\'' && bytes.HasPrefix(line[i:], []byte("''")):
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && canOpen(line, i, before):
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return i, 0
		}
		if c != ' ' && c != '\t' {
			before = c
		}
	}
	return -1, quote
}

// canOpen reports whether a quote at an offset of a line can begin a value. before is the last character before it that
// is no space.
func canOpen(line []byte, i int, before byte) bool {
	switch before {
	case 0, '[', '{', ',':
		return true
	case ':', '-', '?':
		return line[i-1] == ' ' || line[i-1] == '\t' || before == ':'
	}
	return false
}
