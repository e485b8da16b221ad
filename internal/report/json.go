package report

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/pullcheck/pullcheck/check"
)

// JSON writes the report in the form that version 1 of it promises, indented, with a final newline.
func JSON(w io.Writer, r *check.Report) error {
	findings := *r
	findings.Findings = slices.Clone(r.Findings)
	for i := range findings.Findings {
		f := &findings.Findings[i]
		f.Message = f.Text()
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(&findings)
}
