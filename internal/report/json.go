package report

import (
	"encoding/json"
	"io"

	"github.com/pullcheck/pullcheck/check"
)

// JSON writes the report as indented JSON with a newline at the end. README.md documents the fields. The tags of
// check.Report and its parts give them their names. <, > and & are not escaped.
func JSON(w io.Writer, r *check.Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
