// Package report writes a check.Report for people and programs. Each format has a file of its own: text.go (with
// frame.go for the code frames), json.go, github.go for annotations, summary.go, and fixes.go for diffs.
//
// A format is a function that writes to an io.Writer. It does nothing else: it reads no file, no environment and no
// network. The lines of files that it shows are in the locations of the report. The text of a repository can be
// hostile, so each format escapes what its reader would take for a command: package printable for terminals and logs.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TextOptions say how Text writes a report.
type TextOptions struct {
	Color bool // the styles of package printable, which its Writer lets through if it is Styled
	Quiet bool // findings, failures and unread manifests only
	// Suppressed also lists the suppressed findings, with their reasons.
	Suppressed bool
	// Unreached is the number of written policies that no render has reached. The tally shows it.
	Unreached int
	// Unaffected is the number of sources that were left out because the change does not affect them. The tally shows it.
	Unaffected int
}

// Text writes the report for people, as compilers do. A finding has a line `path:line:column: severity: message
// [rule]`, below it the line of the file with the decision underlined, the lines of Via, and the affected containers.
// After the findings come the suppressed findings, the failures, the skipped sources, and a tally in one line:
//
//	charts/api/values.yaml:3:15: error: imagePullPolicy is IfNotPresent: … [pull-policy-not-always]
//	    3 |   pullPolicy: IfNotPresent
//	      |               ^^^^^^^^^^^^
//	    charts/api: Deployment/api: api (example/api:1.2)
func Text(w io.Writer, r *check.Report, options TextOptions) error {
	t := &text{options: options}
	for i, finding := range r.Findings {
		if i > 0 {
			t.WriteByte('\n')
		}
		t.finding(finding)
	}
	var suppressed []check.Suppression
	if options.Suppressed {
		suppressed = r.Suppressed
	}
	for i, s := range suppressed {
		if i > 0 || len(r.Findings) > 0 {
			t.WriteByte('\n')
		}
		t.suppression(s)
	}
	if len(r.Findings)+len(suppressed) > 0 && (len(r.Failures) > 0 || !options.Quiet) {
		t.WriteByte('\n')
	}
	for _, failure := range r.Failures {
		t.failure(failure)
	}
	t.skipped(r.Sources)
	if !options.Quiet {
		t.tally(r)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

// text is the text of a report while it is written.
type text struct {
	strings.Builder
	options TextOptions
}

// paint returns s in a colour, or unchanged if the text has no colours.
func (t *text) paint(color, s string) string {
	if !t.options.Color {
		return s
	}
	return color + s + printable.Plain
}

// severityColors are the colours of findings.
var severityColors = map[check.Severity]string{
	check.SeverityError: printable.Red, check.SeverityWarning: printable.Yellow, check.SeverityNote: printable.Cyan,
}

// finding writes a finding.
func (t *text) finding(f check.Finding) {
	color := severityColors[f.Severity]
	fmt.Fprintf(t, "%s: %s: %s %s\n", t.paint(printable.Bold, printable.Line(f.Decision.String())), t.paint(color, f.Severity.String()),
		printable.Line(f.Text()), t.paint(printable.Faint, "["+f.Rule+"]"))
	trace := Trace{Decisions: []yamldoc.Location{f.Decision}, Via: f.Via, Exact: f.Exact}
	if len(f.Affected) > 0 {
		trace.Field, trace.Missing = f.Affected[0].Field, f.Affected[0].Written == ""
	}
	t.frame(trace, f.Decision, color)
	t.via(trace)
	if f.Note != "" {
		fmt.Fprintf(t, "    %s\n", printable.Line(f.Note))
	}
	t.affected(f.Affected)
}

// suppression writes a suppressed finding, without the line of its decision.
func (t *text) suppression(s check.Suppression) {
	f := s.Finding
	fmt.Fprintf(t, "%s: %s: %s %s\n", t.paint(printable.Bold, printable.Line(f.Decision.String())), t.paint(printable.Faint, "suppressed"),
		printable.Line(f.Text()), t.paint(printable.Faint, "["+f.Rule+"]"))
	fmt.Fprintf(t, "    by the %s at %s: %s\n", s.By, printable.Line(s.Location.String()), printable.Line(s.Reason))
	t.affected(f.Affected)
}

// affected writes a line for each source with its objects and containers. Environments in which a source has the same
// objects share a line: charts/api (prod, stage): Deployment/api: api (example/api:1.2).
func (t *text) affected(all []check.Affected) {
	type group struct{ source, objects string }
	var groups []group
	environments := map[group][]string{}
	for len(all) > 0 {
		first, n := all[0], 1
		for n < len(all) && all[n].Source == first.Source && all[n].Environment == first.Environment {
			n++
		}
		g := group{first.Source, objects(all[:n])}
		if environments[g] == nil {
			groups = append(groups, g)
		}
		environments[g] = append(environments[g], first.Environment)
		all = all[n:]
	}
	for _, g := range groups {
		names := environments[g]
		if len(names) > 1 && names[0] == "" {
			names[0] = "defaults"
		}
		fmt.Fprintf(t, "    %s:%s\n", printable.Line(sourceName(g.source, strings.Join(names, ", "))), g.objects)
	}
}

// objects returns the objects of one source with their containers. A single object is on the line of the source, and
// several objects have lines of their own.
func objects(all []check.Affected) string {
	var names []string
	containers := map[string][]string{}
	for _, a := range all {
		name := objectName(a)
		if containers[name] == nil {
			names = append(names, name)
		}
		containers[name] = append(containers[name], printable.Line(containerName(a)))
	}
	before := " "
	if len(names) > 1 {
		before = "\n        "
	}
	var lines strings.Builder
	for _, name := range names {
		fmt.Fprintf(&lines, "%s%s: %s", before, printable.Line(name), strings.Join(containers[name], ", "))
	}
	return lines.String()
}

// containerName returns the name of a container and its image. A custom resource may write no image, or no name.
func containerName(a check.Affected) string {
	switch {
	case a.Image == "":
		return a.Container
	case a.Container == "":
		return a.Image
	}
	return a.Container + " (" + a.Image + ")"
}

// objectName returns kind, name and namespace of an object: "Pod/api in prod".
func objectName(a check.Affected) string {
	name := a.Kind + "/" + a.Name
	if a.Namespace != "" {
		name += " in " + a.Namespace
	}
	return name
}

// sourceName returns the path of a source and its environment: "charts/api (prod)".
func sourceName(path, environment string) string {
	if environment == "" {
		return path
	}
	return path + " (" + environment + ")"
}

// failure writes a failure with its hint.
func (t *text) failure(f check.Failure) {
	at := f.Source
	if f.Location.Path != "" {
		at = f.Location.String()
	}
	fmt.Fprintf(t, "%s: %s: %s\n", t.paint(printable.Bold, printable.Line(at)), t.paint(printable.Red, "failure"), printable.Lines(f.Message))
	name := sourceName(f.Source, f.Environment)
	switch {
	case f.Lost:
		fmt.Fprintf(t, "    %s was checked before the change\n", printable.Line(name))
	case name != at:
		fmt.Fprintf(t, "    %s is not checked\n", printable.Line(name))
	}
	if f.Hint != "" {
		fmt.Fprintf(t, "    hint: %s\n", printable.Line(f.Hint))
	}
}

// hasNoObject reports whether a source is a file without a Kubernetes object. Most repositories have many such files,
// so the text has only their number, in the tally.
func hasNoObject(s check.SourceStatus) bool {
	return s.Status == check.Skipped && s.Kind == render.Raw && s.NoObject
}

// skipped writes a line for each source that is skipped, as a whole or in part, with the reason. With Quiet it writes
// only lines for manifests: a manifest that cannot be read, such as a template of another tool, may well have containers.
func (t *text) skipped(sources []check.SourceStatus) {
	for _, s := range sources {
		if s.Status == check.Rendered && s.Reason != "" {
			name := printable.Line(sourceName(s.Path, s.Environment))
			fmt.Fprintf(t, "%s: %s: %s\n", name, t.paint(printable.Faint, "skipped in part"), printable.Line(s.Reason))
		}
		if s.Status == check.Skipped && !hasNoObject(s) && (!t.options.Quiet || s.Kind == render.Raw) {
			fmt.Fprintf(t, "%s: %s: %s\n", printable.Line(sourceName(s.Path, s.Environment)), t.paint(printable.Faint, "skipped"), printable.Line(s.Reason))
		}
	}
}

// tally writes the last line, with the numbers of findings, containers and sources.
func (t *text) tally(r *check.Report) {
	bySeverity := map[check.Severity]int{}
	for _, f := range r.Findings {
		bySeverity[f.Severity]++
	}
	var parts []string
	for _, severity := range []check.Severity{check.SeverityError, check.SeverityWarning, check.SeverityNote} {
		if n := bySeverity[severity]; n > 0 {
			parts = append(parts, count(n, severity.String()))
		}
	}
	byStatus := map[check.Status]int{}
	containers, withoutObject := 0, 0
	for _, s := range r.Sources {
		containers += s.Containers
		if hasNoObject(s) {
			withoutObject++
			continue
		}
		byStatus[s.Status]++
	}
	fmt.Fprintf(t, "%s", count(len(r.Findings), "finding"))
	if len(parts) > 0 {
		fmt.Fprintf(t, " (%s)", strings.Join(parts, ", "))
	}
	if n := len(r.Suppressed); n > 0 {
		fmt.Fprintf(t, " and %d suppressed", n)
	}
	fmt.Fprintf(t, " in %s; sources: %d rendered, %d failed, %d skipped", count(containers, "container"),
		byStatus[check.Rendered], byStatus[check.Failed], byStatus[check.Skipped])
	if t.options.Unaffected > 0 {
		fmt.Fprintf(t, ", %d not affected by the change", t.options.Unaffected)
	}
	if withoutObject > 0 {
		fmt.Fprintf(t, "; %s without Kubernetes objects", count(withoutObject, "file"))
	}
	if t.options.Unreached > 0 {
		fmt.Fprintf(t, "; unreached policies: %d (--show-unreached lists them)", t.options.Unreached)
	}
	t.WriteByte('\n')
}

// count returns a number with its noun: "1 finding", "2 findings".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
