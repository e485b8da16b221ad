package review

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/pullcheck/pullcheck/internal/printable"
)

// JSON writes the plan as indented JSON, for `review --dry-run --format json`.
func (p *Plan) JSON(w io.Writer) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(p); err != nil {
		return err
	}
	_, err := w.Write(printable.JSON(b.Bytes()))
	return err
}

// Markdown writes the plan for people: a heading for each action, and below it the text that would be posted.
func (p *Plan) Markdown(w io.Writer) error {
	var b strings.Builder
	if p.Block {
		b.WriteString("## ask for changes\n\n")
	}
	for _, c := range p.Create {
		where := c.Path
		switch {
		case c.StartLine > 0:
			where += fmt.Sprintf(":%d-%d", c.StartLine, c.Line)
		case c.Line > 0:
			where += fmt.Sprintf(":%d", c.Line)
		}
		fmt.Fprintf(&b, "## comment on %s\n\n%s\n\n", code(where), c.Body)
	}
	for _, threads := range []struct {
		what string
		all  []Thread
	}{{"keep", p.Keep}, {"delete", p.Delete}, {"minimize", p.Minimize}} {
		for _, t := range threads.all {
			fmt.Fprintf(&b, "## %s the comment %s\n\n", threads.what, code(t.ID))
		}
	}
	switch p.Summary.Action {
	case None:
	case Keep:
		b.WriteString("## keep the summary\n\n")
	default:
		fmt.Fprintf(&b, "## %s the summary\n\n%s\n\n", p.Summary.Action, p.Summary.Body)
	}
	if b.Len() == 0 {
		b.WriteString("Nothing to write.\n")
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}
