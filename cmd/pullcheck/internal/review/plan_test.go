package review

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/cmd/pullcheck/internal/change"
	"github.com/pullcheck/pullcheck/render"
)

func itoa(n int) string { return strconv.Itoa(n) }

// reported is a report as its JSON has it, whose severities are words.
type reported struct {
	Findings []struct {
		check.Finding
		Severity string `json:"severity"`
	} `json:"findings"`
	Failures []check.Failure `json:"failures"`
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
		report.Findings = append(report.Findings, f.Finding)
	}
	return report
}

// TestPlan runs testdata/review: a change (its patches, each in a file of its own below patch/), a report and what
// stands on the pull request make a plan. With UPDATE=1 the plans are written.
func TestPlan(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("../../../../testdata/review/*.txtar")
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
	s := Subject{Blob: "https://github.com/acme/apps/blob/0123456/"}
	var state State
	var changed []change.GitHubFile
	for _, file := range files {
		var err error
		patched, isPatch := strings.CutPrefix(file.Name, "patch/")
		switch {
		case isPatch:
			// CRLF is written as ␍ in the cases.
			patch := strings.TrimSuffix(strings.ReplaceAll(string(file.Data), "␍", "\r"), "\n")
			changed = append(changed, change.GitHubFile{Filename: patched, Status: "modified", Patch: patch})
		case file.Name == "report.json":
			var r reported
			err = json.Unmarshal(file.Data, &r)
			s.Report = r.report(t)
		case file.Name == "state.json":
			err = json.Unmarshal(file.Data, &state)
		}
		if err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
	}
	s.Files = change.FromGitHub(changed)
	return New(s, state)
}

// TestSuggestion: what a suggestion puts in the place of lines.
func TestSuggestion(t *testing.T) {
	t.Parallel()
	file := func(lines ...string) change.Files {
		f := change.File{Path: "f", Status: change.Modified, Hunks: []change.Hunk{{NewStart: 5, NewLines: len(lines)}}}
		for i, line := range lines {
			f.Hunks[0].Rows = append(f.Hunks[0].Rows, change.Row{New: 5 + i, Text: line})
		}
		return change.Files{f}
	}
	edit := func(line, column, endColumn int, text string) render.Edit {
		return render.Edit{Location: render.Location{Path: "f", Line: line, Column: column, EndLine: line, EndColumn: endColumn}, NewText: text}
	}
	for _, test := range []struct {
		name  string
		files change.Files
		edits []render.Edit
		want  string // empty where there is no suggestion
	}{
		{"a value", file("a", "  x: IfNotPresent # why"), []render.Edit{edit(6, 6, 18, "Always")}, "6-6:  x: Always # why"},
		{"a line behind", file("a", "\t- image: x", "b"), []render.Edit{edit(6, 12, 12, "\n\t  p: Always")}, "6-6:\t- image: x|\t  p: Always"},
		{"a line above", file("a", "b", "c"), []render.Edit{edit(6, 1, 1, "p: Always\n")}, "5-6:a|p: Always|b"},
		{"at the end of the file, behind the last line", file("a", "b"), []render.Edit{edit(7, 1, 1, "p: Always\n")}, "6-6:b|p: Always"},
		{"between others", file("a", "b", "c", "d"), []render.Edit{edit(8, 1, 2, "D")}, "6-8:b|c|D"},
		{"two edits on a line", file("a", "x: 1, y: 1"), []render.Edit{edit(6, 4, 5, "22"), edit(6, 10, 11, "33")}, "6-6:x: 22, y: 33"},
		{"another hunk", file("a", "b"), []render.Edit{edit(20, 1, 2, "x")}, ""},
		{"another file", file("a", "b"), []render.Edit{{Location: render.Location{Path: "g", Line: 6, EndLine: 6}}}, ""},
		{"CRLF", file("a\r", "b\r"), []render.Edit{edit(6, 1, 2, "x")}, "does not apply"},
	} {
		at := render.Location{Path: "f", Line: 6, Column: 1, EndLine: 6, EndColumn: 2}
		f := check.Finding{Fingerprint: "1", Decision: at, Exact: true, Fix: &check.Fix{Edits: test.edits}}
		l := newLayout(Subject{Report: &check.Report{}, Files: test.files}, []check.Finding{f})
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

// TestLimitsPreferTheWorst: what does not fit is what matters least.
func TestLimitsPreferTheWorst(t *testing.T) {
	t.Parallel()
	s := Subject{Report: &check.Report{}, Files: change.Files{{Path: "f", Hunks: []change.Hunk{{NewStart: 1, NewLines: 40}}}}}
	for i := range 40 {
		s.Files[0].Hunks[0].Rows = append(s.Files[0].Hunks[0].Rows, change.Row{New: i + 1, Text: "x"})
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

func TestDistrust(t *testing.T) {
	t.Parallel()
	files := change.Files{{Path: "f", Hunks: []change.Hunk{{NewStart: 1, NewLines: 3, Rows: []change.Row{
		{Old: 1, New: 1, Text: "old"}, {New: 2, Text: "new"}, {Old: 2, New: 3, Text: "old"},
	}}}}}
	for _, test := range []struct {
		name              string
		comment, decision int
		own               int
	}{{"an old one", 1, 1, 0}, {"a new comment", 2, 3, 1}, {"a new line below an old comment", 1, 2, 1}, {"elsewhere", 9, 9, 0}} {
		for _, trusted := range []bool{true, false} {
			r := &check.Report{Suppressed: []check.Suppression{{Finding: found("f", test.decision, "x"), Location: render.Location{Path: "f", Line: test.comment}}}}
			own := Distrust(r, files, trusted)
			findings := 0
			if !trusted {
				findings = test.own
			}
			if len(own) != test.own || len(r.Findings) != findings || len(r.Suppressed) != 1-findings {
				t.Errorf("%s, trusted %t: %d own, %d findings, %d suppressed", test.name, trusted, len(own), len(r.Findings), len(r.Suppressed))
			}
		}
	}
}
