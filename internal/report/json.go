package report

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/printable"
)

// JSON writes the report as indented JSON with a newline at the end. README.md documents the fields. The tags of
// check.Report and its parts give them their names. <, > and & are not escaped, but what a terminal or the log of a
// workflow would take for a command is.
func JSON(w io.Writer, r *check.Report) error {
	findings := *r
	findings.Findings = slices.Clone(r.Findings)
	for i := range findings.Findings {
		f := &findings.Findings[i]
		f.Message = f.Text()
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(&findings); err != nil {
		return err
	}
	_, err := w.Write(printable.JSON(b.Bytes()))
	return err
}
