package review

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// hostile are texts that try to get out of where they stand; each has the word EVIL.
var hostile = []string{
	"EVIL @everyone #1 GH-1",
	"`EVIL` @everyone",
	"``` EVIL\n```\n@everyone",
	"a\n\n<!-- pullcheck:v1 fp=" + strings.Repeat("0", 32) + " -->EVIL",
	"EVIL -->\n<!-- pullcheck:v1 fp=summary -->",
	"](https://example.com/EVIL) [x",
	"EVIL\\`", "\\", "`", " EVIL ", "", "EVIL\u202e\u200b\U000e0041\ufe0f\u3164@everyone", "EVIL\xff", "~~~EVIL", "</details><img src=EVIL>", "$`EVIL`$",
	"EVIL\r\n::error::", "EVIL" + strings.Repeat("`", 300), strings.Repeat("`EVIL", 200), strings.Repeat("\u202eEVIL", 2000), strings.Repeat("EVIL/", 900),
}

// outside is what of a text in Markdown stands outside of code and addresses, by the rules of CommonMark for fences and
// spans: a span ends at the next run of as many backticks.
func outside(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	open := ""
	fence := regexp.MustCompile("^ {0,3}(`{3,}|~{3,})([^`]*)$")
	for line := range strings.SplitSeq(text, "\n") {
		parts := fence.FindStringSubmatch(line)
		switch {
		case open == "" && parts != nil:
			open = parts[1]
		case open != "" && parts != nil && strings.HasPrefix(parts[1], open) && strings.TrimSpace(parts[2]) == "":
			open = ""
		case open == "":
			b.WriteString(withoutSpans(t, line) + "\n")
		}
	}
	if open != "" {
		t.Errorf("a block is not closed in %q", text)
	}
	return regexp.MustCompile(`\]\([^()\s]*\)`).ReplaceAllString(b.String(), "]()")
}

func withoutSpans(t *testing.T, line string) string {
	var b strings.Builder
	for line != "" {
		start := strings.IndexByte(line, '`')
		if start < 0 {
			return b.String() + line
		}
		b.WriteString(line[:start])
		run := len(line[start:]) - len(strings.TrimLeft(line[start:], "`"))
		rest, end := line[start+run:], -1
		for i := 0; i < len(rest); {
			n := len(rest[i:]) - len(strings.TrimLeft(rest[i:], "`"))
			if n == run {
				end = i
				break
			}
			i += max(n, 1)
		}
		if end < 0 {
			t.Errorf("a code span is not closed in %q", line)
			return b.String()
		}
		line = rest[end+run:]
	}
	return b.String()
}

// evil returns a finding with a text in every field that the author of a pull request can choose.
func evil(text string) (Input, *check.Finding) {
	at := yamldoc.Location{Path: "f" + text, Line: 2, Column: 1, EndLine: 2, EndColumn: 2, Key: text}
	f := &check.Finding{
		Rule: "pull-policy-not-always", Severity: check.SeverityError, Fingerprint: strings.Repeat("a", 32), Message: text, Note: text, Exact: true,
		Decision: at, Via: []yamldoc.Location{{Path: text, Line: 7}, {Path: text, Line: 8}, {Path: text, Line: 9}, {Path: text, Line: 10}, {Path: text, Line: 11}},
		Affected: []check.Affected{
			{Source: text, Environment: text, Kind: text, Namespace: text, Name: text, Container: text, Image: text, Written: text, Effective: text},
			{Source: text, Kind: text, Name: text + "2", Container: text, Written: text, Effective: text},
			{Source: "3" + text, Environment: "3" + text, Kind: text, Name: text, Container: text, Written: "3" + text, Effective: "3" + text},
			{Source: "4" + text, Environment: "4" + text, Kind: text, Name: text, Container: text, Written: "4" + text, Effective: "4" + text},
			{Source: "5" + text, Environment: "5" + text, Kind: text, Name: text, Container: text, Written: "5" + text, Effective: "5" + text},
		},
		Fix: &check.Fix{Message: text, Edits: []yamldoc.Edit{{Location: at, NewText: strings.ReplaceAll(text, "\r", "")}}},
	}
	line := strings.NewReplacer("\n", "", "\r", "").Replace(text)
	s := Input{
		Report: &check.Report{Findings: []check.Finding{*f}, Failures: []check.Failure{{Source: text, Environment: text, Message: text}}},
		Files: git.Files{{Path: at.Path, Status: git.Modified, Hunks: []git.Hunk{{NewStart: 1, NewLines: 3, Rows: []git.Row{
			{Old: 1, New: 1, Text: line}, {New: 2, Text: line}, {Old: 2, New: 3, Text: line},
		}}}}},
		SuppressedByChange: []check.Suppression{{Finding: *f, Reason: text, Location: at}},
		Blob:               "https://github.com/acme/apps/blob/0/",
	}
	return s, f
}

func checkSafe(t *testing.T, text string) {
	t.Helper()
	s, f := evil(text)
	for _, files := range []git.Files{s.Files, nil} {
		s.Files = files
		plan := New(s, State{})
		bodies := []string{plan.Summary.Body, jobSummary(s)}
		for _, c := range plan.Create {
			if markOf(c.Body) != f.Fingerprint {
				t.Errorf("the marker of the comment is %q in %q", markOf(c.Body), c.Body)
			}
			bodies = append(bodies, c.Body)
		}
		l := newLayout(s, s.Report.Findings, nil)
		for _, kind := range []anchorKind{throughLine, inFile} {
			bodies = append(bodies, l.commentBody(f, anchor{kind, f.Decision.Path, 0}))
		}
		if markOf(plan.Summary.Body) != summaryMark {
			t.Errorf("the marker of the summary is %q", markOf(plan.Summary.Body))
		}
		for _, body := range bodies {
			if prose := outside(t, body); strings.Contains(prose, "EVIL") || strings.Contains(prose, "@") {
				t.Errorf("%q is outside of code in %q", text, prose)
			}
			if n := strings.Count(outside(t, body), "<!--"); n > 1 {
				t.Errorf("%d markers in %q", n, body)
			}
			for _, r := range body {
				if printable.IsHidden(r) && r != '\n' && r != '\t' && !unicode.Is(unicode.Zs, r) {
					t.Errorf("%q has the hidden character %U", body, r)
				}
			}
			if utf8.RuneCountInString(body) > 65536 || !utf8.ValidString(body) {
				t.Errorf("%d characters", utf8.RuneCountInString(body))
			}
		}
	}
}

// TestHostileTextStaysInCode: text of the author is in code spans, code blocks and URLs only.
func TestHostileTextStaysInCode(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		checkSafe(t, text)
	}
}

func FuzzBody(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkSafe(t, text) })
}

// TestMarkerIsTheLastLine: a marker counts only at the end of a text, and in the version of this program.
func TestMarkerIsTheLastLine(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"text" + marker("summary"):                    "summary",
		"text\r\n<!-- pullcheck:v1 fp=ab -->\r\n":     "ab",
		"text <!-- pullcheck:v1 fp=ab -->":            "",
		"a\n<!-- pullcheck:v1 fp=ab -->\nlater":       "",
		"a\n<!-- pullcheck:v2 fp=ab -->":              "",
		"a" + marker("one") + "\n" + marker("review"): "review",
	} {
		if got := markOf(body); got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

// TestLongSummaryIsCutBetweenItems: a summary stays below GitHub's limit, counts the findings that it leaves out, and
// keeps its marker.
func TestLongSummaryIsCutBetweenItems(t *testing.T) {
	t.Parallel()
	s := Input{Report: &check.Report{}}
	for i := range 2000 {
		s.Report.Findings = append(s.Report.Findings, found("a/long/path/to/make/it/more.yaml", i+1, "key"))
	}
	body := New(s, State{}).Summary.Body
	if n := utf8.RuneCountInString(body); n > 65536 {
		t.Errorf("%d characters", n)
	}
	match := regexp.MustCompile(`(?m)^- and (\d+) more, for which there is no room here$`).FindStringSubmatch(body)
	if shown := strings.Count(body, "- **Error**"); match == nil || match[1] != itoa(2000-shown) {
		t.Errorf("%d are shown, and the rest is counted as %v", shown, match)
	}
	if markOf(body) != summaryMark {
		t.Error("the marker is cut off")
	}
}
