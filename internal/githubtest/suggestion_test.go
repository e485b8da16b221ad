package githubtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

func suggest(text string) string {
	return "Do this:\n\n```suggestion\n" + text + "```\n\n<!-- marker -->"
}

func TestApplySuggestions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		draft    github.DraftReviewComment
		body     string
		old, new string // what is replaced in the file; old is empty where the suggestion is refused
	}{
		{"one line", at("app.yaml", 10), suggest("better\n"), "changed\n", "better\n"},
		{"several lines", span(10, 12), suggest("better\n"), "changed\nline 11\nline 12\n", "better\n"},
		{"deletion", at("app.yaml", 9), suggest(""), "line 9\n", ""},
		{"longer fence", at("app.yaml", 10), "````suggestion\n```\n````\n", "changed\n", "```\n"},
		{"after another block", at("app.yaml", 10), "~~~suggestions\n```suggestion\nno\n```\n~~~\n" + suggest("better\n"), "changed\n", "better\n"},
		{"none", at("app.yaml", 10), "```yaml\nbetter\n```", "", ""},
		{"unclosed", at("app.yaml", 10), "````suggestion\nbetter\n```", "", ""},
		{"a deleted row inside", span(28, 31), suggest("better\n"), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := opened(t)
			test.draft.Body = &test.body
			if err := post(t, s, &test.draft); err != nil {
				t.Fatal(err)
			}
			before := s.Head()
			commit, err := s.ApplySuggestions(s.ReviewComments()[0].ID)
			if test.old == "" {
				if !errors.Is(err, ErrSuggestion) || s.Head() != before {
					t.Errorf("got %v, want %v and no commit", err, ErrSuggestion)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "head", s.Head(), commit)
			equal(t, "parent", s.pull.git.git("", "rev-parse", commit+"^"), before)
			head := lines(40, map[int]string{10: "changed\n", 30: ""})
			equal(t, "file", show(t, s, "app.yaml"), strings.Replace(head, test.old, test.new, 1))
		})
	}
}

func show(t *testing.T, s *Server, path string) string {
	t.Helper()
	content, err := s.pull.git.run("", "show", s.Head()+":"+path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestApplySeveralSuggestions(t *testing.T) {
	t.Parallel()
	s := opened(t)
	two, overlapping := span(11, 12), span(12, 13)
	two.Body, overlapping.Body = github.String(suggest("eleven and twelve\n")), github.String(suggest("no\n"))
	if err := post(t, s, onLine("app.yaml", 10, suggest("ten\n10\n")), &two, &overlapping); err != nil {
		t.Fatal(err)
	}
	c := s.ReviewComments()
	if _, err := s.ApplySuggestions(c[0].ID, c[1].ID, c[2].ID); !errors.Is(err, ErrSuggestion) {
		t.Errorf("suggestions on the same line: %v", err)
	}
	if _, err := s.ApplySuggestions(c[0].ID, c[1].ID); err != nil {
		t.Fatal(err)
	}
	want := lines(40, map[int]string{10: "ten\n10\n", 11: "eleven and twelve\n", 12: "", 30: ""})
	equal(t, "file", show(t, s, "app.yaml"), want)
	c = s.ReviewComments()
	equal(t, "outdated", []bool{c[0].Outdated, c[1].Outdated, c[2].Outdated}, []bool{true, true, true})
	if _, err := s.ApplySuggestions(c[0].ID); !errors.Is(err, ErrSuggestion) {
		t.Errorf("an outdated suggestion: %v", err)
	}
}

func TestSuggestionsAtLineEnds(t *testing.T) {
	t.Parallel()
	s := New(t, map[string]string{"dos": "a\r\nb\r\n", "open": "a\nb"})
	s.Open(s.Commit(s.Main(), map[string]string{"dos": "a\r\nc\r\n", "open": "a\nc"}))
	if err := post(t, s, onLine("dos", 2, suggest("d\n")), onLine("open", 2, suggest("d\n"))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ApplySuggestions(s.ReviewComments()[0].ID); !errors.Is(err, ErrSuggestion) {
		t.Errorf("in a file with CR LF: %v", err)
	}
	if _, err := s.ApplySuggestions(s.ReviewComments()[1].ID); err != nil {
		t.Fatal(err)
	}
	equal(t, "file without a line's end", show(t, s, "open"), "a\nd")
}
