package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
)

const (
	// commandsOfType is how many annotations of a type GitHub shows of a step
	// (https://github.com/orgs/community/discussions/26680#discussioncomment-3252835).
	commandsOfType = 10
	// commandLength is in bytes; GitHub cuts at 4,096 characters.
	commandLength = 4000
)

var commandTypes = map[check.Severity]string{check.SeverityError: "error", check.SeverityWarning: "warning", check.SeverityNote: "notice"}

// GitHub writes the report as commands of GitHub's workflows, which show as annotations: failures, then findings, the
// worst first, as many as GitHub shows, and how many it would not.
func GitHub(w io.Writer, r *check.Report) error {
	c := &commands{written: map[string]int{}}
	for _, f := range r.Failures {
		c.add("error", f.Location.Path, f.Location.Line, "pullcheck: not checked", sourceName(f.Source, f.Environment)+": "+f.Message)
	}
	findings := slices.Clone(r.Findings)
	slices.SortStableFunc(findings, func(a, b check.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(len(b.Affected), len(a.Affected)))
	})
	for _, f := range findings {
		c.add(commandTypes[f.Severity], f.Decision.Path, f.Decision.Line, "pullcheck: "+f.Rule, f.Text())
	}
	if c.left > 0 {
		// Not an annotation: those are used up.
		fmt.Fprintf(c, "pullcheck: %d more have no annotation: GitHub shows %d of a kind\n", c.left, commandsOfType)
	}
	_, err := io.WriteString(w, c.String())
	return err
}

type commands struct {
	strings.Builder
	written map[string]int
	left    int
}

func (c *commands) add(kind, path string, line int, title, message string) {
	if c.written[kind] == commandsOfType {
		c.left++
		return
	}
	c.written[kind]++
	properties := []string{"title=" + commandProperty(title)}
	if path != "" {
		properties = append(properties, "file="+commandProperty(path))
	}
	if line > 0 {
		properties = append(properties, fmt.Sprintf("line=%d", line))
	}
	fmt.Fprintf(c, "::%s %s::%s\n", kind, strings.Join(properties, ","), cutCommand(commandData.Replace(message)))
}

// commandData and commandProperty escape as github.com/actions/toolkit packages/core/src/command.ts does.
var commandData = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")

func commandProperty(s string) string {
	return cutCommand(strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData.Replace(s)))
}

// cutCommand cuts a part of a command, but not inside a character or an escape.
func cutCommand(s string) string {
	const most = commandLength / 3 // there are three such parts
	if len(s) <= most {
		return s
	}
	s = strings.ToValidUTF8(s[:most], "")
	if i := strings.LastIndexByte(s, '%'); i >= len(s)-2 {
		s = s[:i]
	}
	return s + "…"
}
