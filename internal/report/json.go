package report

import (
	"encoding/json"
	"io"
	"slices"

	"github.com/pullcheck/pullcheck/check"
)

// JSON writes the report as indented JSON with a newline at the end. README.md documents the fields. The tags of
// check.Report and its parts give them their names. <, > and & are not escaped.
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
