package review

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

func itoa(n int) string { return strconv.Itoa(n) }

// reported is a report in JSON, in which severities are words.
type reported struct {
	Findings []struct {
		check.Finding
		Severity string `json:"severity"`
		Note     string `json:"note"`
		Packaged bool   `json:"packaged"` // The decision is in a dependency.
	} `json:"findings"`
	Failures   []check.Failure     `json:"failures"`
	Exceptions []check.Suppression `json:"exceptions"`
}

func (r reported) report(t *testing.T) *check.Report {
	t.Helper()
	report := check.NewReport(nil, r.Failures, nil)
	for _, f := range r.Findings {
		severity, err := check.ParseSeverity(f.Severity)
		if err != nil {
			t.Fatal(err)
		}
		f.Finding.Severity = severity
		f.Finding.Note, f.Decision.Tracked = f.Note, !f.Packaged
		report.Findings = append(report.Findings, f.Finding)
	}
	return report
}

// TestPlan runs the cases in testdata/review. A change (the files below patch/, and diff), a report (report.json) and
// the state of the pull request (state.json) make a plan (plan.md). With UPDATE=1 the plans are written.
func TestPlan(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../../testdata/review/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.IndexFunc(archive.Files, func(f txtar.File) bool { return f.Name == "plan.md" })
			if want < 0 {
				t.Fatal("no plan.md")
			}
			var got bytes.Buffer
			if err := plan(t, archive.Files).Markdown(&got); err != nil {
				t.Fatal(err)
			}
			if os.Getenv("UPDATE") != "" {
				archive.Files[want].Data = got.Bytes()
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if wanted := string(archive.Files[want].Data); got.String() != wanted {
				t.Errorf("got\n%s\nwant\n%s", got.String(), wanted)
			}
		})
	}
}

func plan(t *testing.T, files []txtar.File) *Plan {
	t.Helper()
	s := Input{Blob: "https://github.com/acme/apps/blob/0123456/"}
	var state State
	var diff strings.Builder
	for _, file := range files {
		var err error
		patched, isPatch := strings.CutPrefix(file.Name, "patch/")
		switch {
		case isPatch:
			// CRLF is written as ␍ in the cases.
			fmt.Fprintf(&diff, "diff --git a/%s b/%[1]s\n%s", patched, strings.ReplaceAll(string(file.Data), "␍", "\r"))
		case file.Name == "report.json":
			var r reported
			err = json.Unmarshal(file.Data, &r)
			s.Report = r.report(t)
			s.SuppressedByChange = r.Exceptions
		case file.Name == "diff":
			diff.Write(file.Data)
		case file.Name == "state.json":
			err = json.Unmarshal(file.Data, &state)
		}
		if err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
	}
	var err error
	if s.Files, err = git.Parse(diff.String()); err != nil {
		t.Fatal(err)
	}
	return New(s, state)
}

// TestSuggestionReplacesLines has fixes and the lines before and after their suggestions.
func TestSuggestionReplacesLines(t *testing.T) {
	t.Parallel()
	file := func(lines ...string) git.Files {
		f := git.File{Path: "f", Status: git.Modified, Hunks: []git.Hunk{{NewStart: 5, NewLines: len(lines)}}}
		for i, line := range lines {
			f.Hunks[0].Rows = append(f.Hunks[0].Rows, git.Row{New: 5 + i, Text: line})
		}
		return git.Files{f}
	}
	edit := func(line, column, endColumn int, text string) yamldoc.Edit {
		return yamldoc.Edit{Location: yamldoc.Location{Path: "f", Line: line, Column: column, EndLine: line, EndColumn: endColumn}, NewText: text}
	}
	for _, test := range []struct {
		name  string
		files git.Files
		edits []yamldoc.Edit
		want  string // empty where there is no suggestion
	}{
		{"a value", file("a", "  x: IfNotPresent # why"), []yamldoc.Edit{edit(6, 6, 18, "Always")}, "6-6:  x: Always # why"},
		{"a line behind", file("a", "\t- image: x", "b"), []yamldoc.Edit{edit(6, 12, 12, "\n\t  p: Always")}, "6-6:\t- image: x|\t  p: Always"},
		{"a line above", file("a", "b", "c"), []yamldoc.Edit{edit(6, 1, 1, "p: Always\n")}, "5-6:a|p: Always|b"},
		{"at the end of the file, behind the last line", file("a", "b"), []yamldoc.Edit{edit(7, 1, 1, "p: Always\n")}, "6-6:b|p: Always"},
		{"between others", file("a", "b", "c", "d"), []yamldoc.Edit{edit(8, 1, 2, "D")}, "6-8:b|c|D"},
		{"two edits on a line", file("a", "x: 1, y: 1"), []yamldoc.Edit{edit(6, 4, 5, "22"), edit(6, 10, 11, "33")}, "6-6:x: 22, y: 33"},
		{"another hunk", file("a", "b"), []yamldoc.Edit{edit(20, 1, 2, "x")}, ""},
		{"another file", file("a", "b"), []yamldoc.Edit{{Location: yamldoc.Location{Path: "g", Line: 6, EndLine: 6}}}, ""},
		{"CRLF", file("a\r", "b\r"), []yamldoc.Edit{edit(6, 1, 2, "x")}, "does not apply"},
	} {
		at := yamldoc.Location{Path: "f", Line: 6, Column: 1, EndLine: 6, EndColumn: 2}
		f := check.Finding{Fingerprint: "1", Decision: at, Exact: true, Fix: &check.Fix{Edits: test.edits}}
		l := newLayout(Input{Report: &check.Report{}, Files: test.files}, []check.Finding{f}, nil)
		got := ""
		if s, ok := l.suggestions["1"]; ok && !s.applies {
			got = "does not apply"
		} else if ok {
			got = itoa(s.start) + "-" + itoa(s.end) + ":" + strings.Join(s.after, "|")
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// TestNearbyFixesShareASuggestion has fixes on the same and on neighbouring lines, and the suggestions that they share.
func TestNearbyFixesShareASuggestion(t *testing.T) {
	t.Parallel()
	file := git.File{Path: "f", Status: git.Modified, Hunks: []git.Hunk{{NewStart: 1, NewLines: 4, Rows: []git.Row{
		{Old: 1, New: 1, Text: "a: 1"}, {New: 2, Text: "b: 2"}, {Old: 2, Text: "gone"}, {New: 3, Text: "c: 3"}, {New: 4, Text: "d: 4"},
	}}}}
	edit := func(line, column, endColumn int, text string) yamldoc.Edit {
		return yamldoc.Edit{Location: yamldoc.Location{Path: "f", Line: line, Column: column, EndLine: line, EndColumn: endColumn}, NewText: text}
	}
	with := func(edits ...yamldoc.Edit) check.Finding {
		return check.Finding{Decision: edits[0].Location, Exact: true, Fix: &check.Fix{Message: "m", Edits: edits}}
	}
	value := func(line int) yamldoc.Edit { return edit(line, 4, 5, "x") }
	for _, test := range []struct {
		name     string
		findings []check.Finding
		present  bool // the first of them has a comment
		want     string
	}{
		{"one apart from the other", []check.Finding{with(value(1)), with(value(4))}, false, "1-1:a: x 4-4:d: x"},
		{"the same edit", []check.Finding{with(value(1)), with(value(1))}, false, "1-1:a: x covered"},
		{"one on a line of the other", []check.Finding{with(value(3), value(4)), with(value(4))}, false, "3-4:c: x|d: x covered"},
		{"one with more than the other", []check.Finding{with(value(4)), with(value(3), value(4))}, false, "4-4:d: x none"},
		{"a part in each of two suggestions", []check.Finding{with(value(1)), with(value(4)), with(edit(1, 1, 2, "A"), edit(4, 1, 2, "D"))}, false, "1-1:a: x 4-4:d: x none"},
		{"a deleted row between", []check.Finding{with(value(2), value(3))}, false, "2-3, not applied:b: x|c: x"},
		{"covered by what is not applied", []check.Finding{with(value(2), value(3)), with(value(3))}, false, "2-3, not applied:b: x|c: x none"},
		{"keys behind a line", []check.Finding{with(edit(3, 5, 5, "\n  q: 2")), with(edit(3, 5, 5, "\n  p: 1"))}, false, "3-3:c: 3|  p: 1|  q: 2 covered"},
		{"a key in common", []check.Finding{with(edit(3, 5, 5, "\n  p: 1")), with(edit(3, 5, 5, "\n  p: 2"))}, false, "3-3:c: 3|  p: 1 none"},
		{"items behind a line", []check.Finding{with(edit(3, 5, 5, "\n- p: 1")), with(edit(3, 5, 5, "\n- p: 2"))}, false, "3-3:c: 3|- p: 1|- p: 2 covered"},
		{"parts of a line at one place", []check.Finding{with(edit(3, 1, 1, "p: 1, ")), with(edit(3, 1, 1, "q: 1, "))}, false, "3-3:p: 1, c: 3 none"},
		{"one that has a comment", []check.Finding{with(value(1)), with(value(1))}, true, "covered 1-1:a: x"},
		{"a control character", []check.Finding{with(edit(1, 4, 5, "\x1b"))}, false, "none"},
		{"invalid UTF-8", []check.Finding{with(edit(1, 4, 5, "\xff"))}, false, "none"},
	} {
		for i := range test.findings {
			test.findings[i].Fingerprint = itoa(i)
		}
		l := newLayout(Input{Report: &check.Report{}, Files: git.Files{file}}, test.findings, map[string]bool{"0": test.present})
		var got []string
		for i, f := range test.findings {
			s, ok := l.suggestions[itoa(i)]
			switch {
			case ok && s.applies:
				got = append(got, itoa(s.start)+"-"+itoa(s.end)+":"+strings.Join(s.after, "|"))
			case ok:
				got = append(got, itoa(s.start)+"-"+itoa(s.end)+", not applied:"+strings.Join(s.after, "|"))
			case l.inOtherSuggestion(&f):
				got = append(got, "covered")
			default:
				got = append(got, "none")
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, strings.Join(got, " "), test.want)
		}
	}
}

// TestLimitsPreferTheWorst: the findings without a comment of their own are those with the lowest severity.
func TestLimitsPreferTheWorst(t *testing.T) {
	t.Parallel()
	s := Input{Report: &check.Report{}, Files: git.Files{{Path: "f", Hunks: []git.Hunk{{NewStart: 1, NewLines: 40}}}}}
	for i := range 40 {
		s.Files[0].Hunks[0].Rows = append(s.Files[0].Hunks[0].Rows, git.Row{New: i + 1, Text: "x"})
		f := found("f", i+1, itoa(i))
		if f.Fix = nil; i < 35 {
			f.Severity = check.SeverityNote
		}
		s.Report.Findings = append(s.Report.Findings, f)
	}
	plan := New(s, State{})
	for i, c := range plan.Create[:5] {
		if c.Line != 36+i {
			t.Errorf("comment %d is on line %d", i, c.Line)
		}
	}
	if len(plan.Create) != maxInline {
		t.Errorf("%d comments", len(plan.Create))
	}
	// Those that stand stay, though there are worse ones, and count.
	var state State
	for _, f := range s.Report.Findings[:35] {
		state.Threads = append(state.Threads, Thread{ID: f.Fingerprint, Fingerprint: f.Fingerprint})
	}
	if plan = New(s, state); len(plan.Create) != 0 || len(plan.Keep) != 35 || strings.Count(plan.Summary.Body, "- **Error**") != 5 {
		t.Errorf("created %d, kept %d", len(plan.Create), len(plan.Keep))
	}
}

// TestFailureKeepsComments: while a source fails, the comment on a finding that is gone stays, once.
func TestFailureKeepsComments(t *testing.T) {
	t.Parallel()
	state := State{
		Threads:   []Thread{{ID: "1", Fingerprint: "1"}, {ID: "2", Fingerprint: "2", Replied: true}},
		Summaries: []Note{{ID: "3"}, {ID: "4"}, {ID: "5"}},
		Blocking:  []int64{6},
	}
	plan := New(Input{Report: &check.Report{Failures: []check.Failure{{Source: "s"}}}}, state)
	if len(plan.Keep) != 2 || len(plan.Delete)+len(plan.Minimize)+len(plan.Dismiss) != 0 || plan.Summary.ID != "3" || !slices.Equal(plan.Surplus, []string{"4", "5"}) {
		t.Errorf("with failures: %+v", plan)
	}
	plan = New(Input{Report: &check.Report{}}, state)
	if len(plan.Delete) != 1 || len(plan.Minimize) != 1 || len(plan.Dismiss) != 1 {
		t.Errorf("without: %+v", plan)
	}
}

// TestNamesThatAreNotUTF8GetNoComment: a path that is not UTF-8 cannot be written in JSON, and GitHub refuses a review
// if one path in it is wrong.
func TestNamesThatAreNotUTF8GetNoComment(t *testing.T) {
	t.Parallel()
	rows := []git.Row{{New: 1, Text: "x"}}
	files := git.Files{{Path: "f\xff", Status: git.Added, Hunks: []git.Hunk{{NewStart: 1, NewLines: 1, Rows: rows}}}}
	plan := New(Input{Report: &check.Report{Findings: []check.Finding{found("f\xff", 1, "x")}}, Files: files}, State{})
	if len(plan.Create) != 0 || !strings.Contains(plan.Summary.Body, "- **Error**") {
		t.Errorf("%+v", plan)
	}
}
