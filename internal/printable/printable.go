// Package printable makes text of a repository safe to print. File names, names of objects, messages and source lines
// can hold anything: sequences that control a terminal, characters that change the direction of text or that nobody
// sees, line feeds that forge a line, and workflow commands such as "::set-output …", which the runner of GitHub
// obeys wherever a step prints them.
//
// All text for people goes through a [Writer], so that nothing can be forgotten. Where a text of a repository stands
// within a line, [Line] also escapes its line feeds. Output for programs is exact and needs no Writer; [JSON] escapes
// in JSON what its reader decodes again.
//
// An escape is that of a string in Go: \x1b, \n, \u202e, or \xff for a byte that is no UTF-8. A backslash in the text
// stays as it is.
package printable

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Line returns a text as it is safe to print within one line. Line feeds and tabs are escaped, too.
func Line(text string) string { return escape(text, false, false) }

// Text returns a text as it is safe to print where it begins a line. It keeps line feeds and tabs.
func Text(text string) string { return escape(text, true, false) }

// Lines returns a text of several lines as it is safe to print. White space around the text is dropped, and all lines
// after the first are indented, so that none of them looks like a line of the program.
func Lines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = Line(lines[i])
	}
	return strings.Join(lines, "\n    ")
}

// The styles of text in a terminal, as ANSI escape sequences. Plain ends a style.
const (
	Red    = "\x1b[1;31m"
	Yellow = "\x1b[1;33m"
	Cyan   = "\x1b[1;36m"
	Bold   = "\x1b[1m"
	Faint  = "\x1b[2m"
	Plain  = "\x1b[0m"
)

var styles = []string{Red, Yellow, Cyan, Bold, Faint, Plain}

// Writer escapes what is written to it, except line feeds and tabs, and writes it to To. Each call of Write is escaped
// by itself: a call must have whole characters, and begins a line.
type Writer struct {
	To io.Writer
	// Styled lets the styles of this package through. All other escape sequences are escaped.
	Styled bool
}

// Write writes a text. It returns len(text), or the error of To.
func (w *Writer) Write(text []byte) (int, error) {
	if _, err := io.WriteString(w.To, escape(string(text), true, w.Styled)); err != nil {
		return 0, err
	}
	return len(text), nil
}

// escape escapes a text, with or without its line feeds and tabs, and with or without styles. It escapes these parts:
//
//   - characters that are hidden, and bytes that are no UTF-8;
//   - "::" at the beginning of a line, after white space, and "##[" and "##name[" anywhere. There, the runners of
//     GitHub and Azure look for commands (ActionCommand.cs of github.com/actions/runner, Command.cs of
//     github.com/microsoft/azure-pipelines-agent). Their comparison passes over characters without a weight, such as a
//     soft hyphen, and all of these are hidden.
func escape(text string, multiline, styled bool) string {
	var b strings.Builder
	atStart := true // There was only white space in the line.
	for len(text) > 0 {
		if style := styleAt(text); styled && style != "" {
			b.WriteString(style)
			text = text[len(style):]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		isCommand := atStart && strings.HasPrefix(text, "::") || r == '#' && command.MatchString(text)
		switch {
		case multiline && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case isCommand:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteString(Character(text[:size]))
		}
		atStart = multiline && r == '\n' || atStart && (r == ' ' || r == '\t')
		text = text[size:]
	}
	return b.String()
}

// command matches the beginning of a command that counts anywhere in a line.
var command = regexp.MustCompile(`^##[A-Za-z]*\[`)

func styleAt(text string) string {
	for _, style := range styles {
		if strings.HasPrefix(text, style) {
			return style
		}
	}
	return ""
}

// Character returns a character, or an invalid byte, as it is safe to print: itself, or its escape if it is hidden.
func Character(character string) string {
	r, size := utf8.DecodeRuneInString(character)
	switch {
	case r == utf8.RuneError && size == 1:
		return fmt.Sprintf(`\x%02x`, character[0])
	case IsHidden(r):
		return strings.Trim(strconv.QuoteRuneToASCII(r), "'")
	}
	return character
}

// IsHidden reports whether a reader does not see a character as it is: control characters, characters that change the
// direction of text, and characters without a glyph. White space other than an ASCII space is hidden, because it looks
// like another character.
func IsHidden(r rune) bool {
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// JSON escapes the hidden characters in a text in JSON, and workflow commands. The value of the JSON stays the same.
// The JSON must be valid UTF-8.
func JSON(text []byte) []byte {
	var b bytes.Buffer
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n':
			b.WriteByte('\n')
		case IsHidden(r) || r == '#' && command.Match(text): // This is inside of a string: elsewhere, JSON has neither.
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		default:
			b.Write(text[:size])
		}
		text = text[size:]
	}
	return b.Bytes()
}
