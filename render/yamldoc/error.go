package yamldoc

import (
	"errors"
	"sort"
	"strconv"
	"strings"
)

// ParseError returns an error of Parse as an *Error with its location in the file. The text is the content of the file.
//
// The parser reports no column, so the column is the first character of the line that is not a space. The parser's line
// is corrected where the parser is known to report another line. Without a line in the error, the line is 1.
func ParseError(path string, text []byte, err error) error {
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
	if strings.HasPrefix(message, "did not find expected key") ||
		strings.HasPrefix(message, "did not find expected '-' indicator") {
		// The parser reports the start of the mapping or list. The fault is further down: in the last line of the
		// shortest text with the same error.
		line += sort.Search(len(lines)-line, func(n int) bool {
			_, short := Parse([]byte(strings.Join(lines[:line+n], "\n")))
			return short != nil && strings.HasSuffix(err.Error(), short.Error())
		})
	}
	if strings.Contains(message, "a tab character") {
		// The parser reports the start of the scalar before the tab.
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

// Error is a failure with its location and a hint.
type Error struct {
	// Location is the location of the fault. Its path is empty where the location is not known.
	Location Location
	Err      error
	// Hint is the next thing to do or type; it may be empty.
	Hint string
}

// Error implements error: "charts/web/values.yaml:3:1: did not find expected key".
func (e *Error) Error() string {
	if e.Location.Path == "" {
		return e.Err.Error()
	}
	return e.Location.String() + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
