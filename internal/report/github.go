package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/printable"
)

const (
	// maxOfType is the largest number of annotations of one type that GitHub shows for a step
	// (https://github.com/orgs/community/discussions/26680#discussioncomment-3252835).
	maxOfType = 10
	// maxCommand is the largest size of a command in bytes. GitHub cuts a command at 4,096 characters.
	maxCommand = 4000
)

// commandTypes are the workflow commands that make annotations.
var commandTypes = map[check.Severity]string{
	check.SeverityError: "error", check.SeverityWarning: "warning", check.SeverityNote: "notice",
}

// GitHub writes the report as workflow commands, which GitHub shows as annotations on the files of a pull request:
//
//	::error title=pullcheck%3A pull-policy-not-always,file=values.yaml,line=3::imagePullPolicy is Never: …
//
// Failures come first, then findings, the worst first. It writes only as many commands as GitHub shows, and then a
// line with the number of the others.
func GitHub(w io.Writer, r *check.Report) error {
	c := &commands{written: map[string]int{}}
	for _, f := range r.Failures {
		message := sourceName(f.Source, f.Environment) + ": " + f.Message
		c.add("error", f.Location.Path, f.Location.Line, "pullcheck: not checked", message)
	}
	findings := slices.Clone(r.Findings)
	slices.SortStableFunc(findings, func(a, b check.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(len(b.Affected), len(a.Affected)))
	})
	for _, f := range findings {
		c.add(commandTypes[f.Severity], f.Decision.Path, f.Decision.Line, "pullcheck: "+f.Rule, f.Text())
	}
	if c.left > 0 {
		// This is a line in the log and no annotation: GitHub would not show another one.
		fmt.Fprintf(c, "pullcheck: %d more have no annotation: GitHub shows %d of a kind\n", c.left, maxOfType)
	}
	_, err := io.WriteString(w, c.String())
	return err
}

// commands is a text of workflow commands.
type commands struct {
	strings.Builder
	written map[string]int // the number of commands by type
	left    int            // the number of commands that were left out
}

// add writes a command, unless there are already as many of its type as GitHub shows. path and line may be empty.
func (c *commands) add(kind, path string, line int, title, message string) {
	if c.written[kind] == maxOfType {
		c.left++
		return
	}
	c.written[kind]++
	properties := []string{"title=" + commandProperty(printable.Line(title))}
	if path != "" {
		properties = append(properties, "file="+commandProperty(path))
	}
	if line > 0 {
		properties = append(properties, fmt.Sprintf("line=%d", line))
	}
	fmt.Fprintf(c, "::%s %s::%s\n", kind, strings.Join(properties, ","), cutCommand(commandData.Replace(printable.Text(message))))
}

// commandData and commandProperty escape the message and a property of a command, as packages/core/src/command.ts of
// github.com/actions/toolkit does.
var commandData = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")

func commandProperty(s string) string {
	return cutCommand(strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData.Replace(s)))
}

// cutCommand shortens a part of a command. It does not cut inside a character or an escape such as %0A.
func cutCommand(s string) string {
	const most = maxCommand / 3 // A command has three such parts: title, file and message.
	if len(s) <= most {
		return s
	}
	s = strings.ToValidUTF8(s[:most], "")
	if i := strings.LastIndexByte(s, '%'); i >= len(s)-2 {
		s = s[:i]
	}
	return s + "…"
}
