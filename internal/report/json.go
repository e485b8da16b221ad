package report

import (
	"encoding/json"
	"io"

	"github.com/pullcheck/pullcheck/check"
)

// JSON writes the report in the form that version 1 of it promises, indented, with a final newline.
func JSON(w io.Writer, r *check.Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
