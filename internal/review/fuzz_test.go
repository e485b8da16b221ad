package review

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// FuzzMark holds that only the last line of a text is its marker, and that a marker that is written is read.
func FuzzMark(f *testing.F) {
	for _, text := range append(slices.Clone(hostile), "a"+marker("b"), marker("summary")+" x", "\n<!-- pullcheck:v1 fp=a -->\r\n\r\n") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := markOf(text + marker(summaryMark)); got != summaryMark {
			t.Errorf("the marker of %q is %q", text, got)
		}
		if mark := markOf(text); mark != "" && !strings.Contains(text[max(0, strings.LastIndex(strings.TrimSpace(text), "\n")):], "fp="+mark+" -->") {
			t.Errorf("the marker of %q is %q", text, mark)
		}
	})
}

// FuzzSuggestion holds that a suggestion makes, of the lines that it replaces, what the fix makes of the file, and that
// all its lines are lines of the change.
func FuzzSuggestion(f *testing.F) {
	for _, text := range []string{"image: a\npullPolicy: Never\nb: c\n", "a\r\nb: Never\r\n", "a: {b: Never}", "\tb: ``` ~~~ Never\n\n", "a\rb\nNever\n", "é: Never # é\n"} {
		f.Add(text, uint8(2), uint8(2), uint8(13), uint8(5), "Always", uint8(1))
		f.Add(text, uint8(1), uint8(1), uint8(1), uint8(0), "x: y\n", uint8(0))
		f.Add(text, uint8(1), uint8(2), uint8(1), uint8(3), "", uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, decision, first, from, length uint8, newText string, context uint8) {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if !utf8.ValidString(text+newText) || int(first) < 1 || int(first) > len(lines) || int(decision) < 1 || int(decision) > len(lines) {
			return
		}
		start := int(from) - 1
		for _, line := range lines[:first-1] {
			start += len(line) + 1
		}
		end := start + int(length)
		if start < 0 || end > len(text) {
			return
		}
		edit := yamldoc.NewText([]byte(text)).Edit("f.yaml", start, end, newText)
		rows := make([]git.Row, len(lines))
		for i, line := range lines {
			rows[i] = git.Row{New: i + 1, Text: line, NoNewline: i == len(lines)-1 && !strings.HasSuffix(text, "\n")}
		}
		finding := check.Finding{Fingerprint: "a", Decision: yamldoc.Location{Path: "f.yaml", Line: int(decision)}, Fix: &check.Fix{Edits: []yamldoc.Edit{edit}}}
		in := Input{
			Report: &check.Report{Findings: []check.Finding{finding}},
			Files:  git.Files{{Path: "f.yaml", Status: git.Added, Hunks: []git.Hunk{{NewStart: 1, NewLines: len(rows), Rows: rows}}}},
		}
		s, ok := newLayout(in, in.Report.Findings, nil).suggestions["a"]
		if !ok {
			return
		}
		if s.start < 1 || s.end < s.start || s.end > len(lines) || len(s.before) != s.end-s.start+1 {
			t.Fatalf("%q: a suggestion for the lines %d to %d", text, s.start, s.end)
		}
		got := slices.Concat(lines[:s.start-1], s.after, lines[s.end:])
		want := string(yamldoc.Apply([]byte(text), []yamldoc.Edit{edit}))
		plain := func(text string) string { // GitHub keeps the line ends of a file, and its end.
			return strings.TrimRight(strings.ReplaceAll(text, "\r", ""), "\n")
		}
		if plain(strings.Join(got, "\n")) != plain(want) {
			t.Errorf("%q becomes %q by %+v, and %q by its suggestion", text, want, edit, got)
		}
	})
}

// FuzzEvent holds that any event is refused, or names a pull request, and that the URL of its files is on the server.
func FuzzEvent(f *testing.F) {
	for _, text := range []string{
		`{"number": 1, "pull_request": {"base": {"sha": "a", "repo": {"full_name": "o/r"}}, "head": {"sha": "b", "repo": null}}}`, `{}`, `[]`, `{"pull_request": {"base": {"repo": {"full_name": "x"}}}}`, `{"pull_request": {"base": null}}`, "{",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadEvent(data, func(string) string { return "" })
		if (p == nil) != (err != nil) {
			t.Fatalf("%v, %v", p, err)
		}
		if err == nil && !strings.HasPrefix(p.Blob, "https://github.com/") {
			t.Errorf("%q: the files are at %q", data, p.Blob)
		}
	})
}

// FuzzState reads any state of a pull request, and holds that a plan touches only what the user of the token has written
// with a marker.
func FuzzState(f *testing.F) {
	own := `{"login": "bot", "__typename": "Bot"}`
	for _, text := range []string{
		`{"viewer": {"login": "bot[bot]"}, "repository": {"pullRequest": {"reviewThreads": {"nodes": [{"comments": {"totalCount": 2, "nodes": [{"id": "a", "body": "x\n<!-- pullcheck:v1 fp=ab -->", "author": ` + own + `}]}}, {"comments": {"nodes": [{"id": "b", "body": "x\n<!-- pullcheck:v1 fp=ab -->", "author": {"login": "eve"}}]}}]}, "comments": {"nodes": [{"id": "c", "body": "\n<!-- pullcheck:v1 fp=summary -->", "author": ` + own + `}, {"id": "d", "body": "\n<!-- pullcheck:v1 fp=summary -->", "author": null}]}, "reviews": {"nodes": [{"fullDatabaseId": "1", "state": "CHANGES_REQUESTED", "body": "\n<!-- pullcheck:v1 fp=review -->", "author": ` + own + `}]}}}}`,
		`{"viewer": {"login": ""}, "repository": {"pullRequest": {"comments": {"nodes": [{"id": "d", "body": "\n<!-- pullcheck:v1 fp=summary -->", "author": null}]}, "reviews": {"nodes": [{"fullDatabaseId": "x", "state": "PENDING"}]}}}}`,
		`{}`, `null`, `{"repository": null}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var answer stateAnswer
		if json.Unmarshal(data, &answer) != nil {
			return
		}
		s, viewer, pull := &fetchedState{}, answer.Viewer.Login, answer.Repository.PullRequest
		if s.readReviews(pull.Reviews.Nodes, viewer) != nil {
			return
		}
		s.readPage(&answer)
		mine := map[string]bool{}
		for _, thread := range pull.ReviewThreads.Nodes {
			for _, c := range thread.Comments.Nodes {
				mine[c.ID] = mine[c.ID] || c.Author.is(viewer) && markOf(c.Body) != ""
			}
		}
		for _, c := range pull.Comments.Nodes {
			mine[c.ID] = mine[c.ID] || c.Author.is(viewer) && markOf(c.Body) == summaryMark
		}
		plan := New(Input{Report: &check.Report{}}, s.State)
		touched := slices.Clone(plan.Surplus)
		for _, thread := range slices.Concat(plan.Delete, plan.Minimize) {
			touched = append(touched, thread.ID)
		}
		if plan.Summary.Action == Update {
			touched = append(touched, plan.Summary.ID)
		}
		for _, id := range touched {
			if !mine[id] {
				t.Errorf("the plan touches %q of %s", id, data)
			}
		}
	})
}
