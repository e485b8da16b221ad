package origin_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/rendertest"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// policies asks for the pull policy of every container that breaks a rule.
func policies(source render.Source, manifests []render.Manifest) []origin.Query {
	hits, _ := check.Run(source, manifests)
	queries := make([]origin.Query, len(hits))
	for i, hit := range hits {
		queries[i] = origin.Query{Manifest: hit.Manifest, Path: hit.Field, SiblingField: hit.ImageField, Replacement: check.Always}
	}
	return queries
}

// tally counts what a verification saw.
type tally struct {
	sync.Mutex
	fields, exact, edits int
	wrong, inexact       []string
}

// verify edits each exact decision alone, renders again, and counts the decisions after which a field that they
// decide is as before.
func (s *tally) verify(ctx context.Context, fsys fs.FS, source render.Source, queries []origin.Query, traces []origin.Trace) {
	s.Lock()
	defer s.Unlock()
	type decision struct {
		yamldoc.Location
		fields []int // by their queries
	}
	decided := map[string]*decision{}
	for i, trace := range traces {
		s.fields++
		if !trace.Exact {
			s.inexact = append(s.inexact, fmt.Sprintf("%s: %s: %s", source.ID(), name(queries[i]), trace.Decisions[0]))
			continue
		}
		s.exact++
		for _, at := range trace.Decisions {
			id := at.String() + " " + at.Key
			if decided[id] == nil {
				decided[id] = &decision{Location: at}
			}
			decided[id].fields = append(decided[id].fields, i)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(decided)) {
		s.edits++
		at := decided[id]
		manifests, err := renderEdited(ctx, fsys, source, at.Location, queries[at.fields[0]])
		if err != nil {
			s.wrong = append(s.wrong, fmt.Sprintf("%s: after an edit of %s: %v", source.ID(), id, err))
			continue
		}
		for _, i := range at.fields {
			if q := queries[i]; !changed(manifests, q) {
				s.wrong = append(s.wrong, fmt.Sprintf("%s: %s is as before, or gone, after an edit of %s: %s", source.ID(), name(q), id, at.Snippet))
			}
		}
	}
}

func name(q origin.Query) string {
	return q.Manifest.Kind + "/" + q.Manifest.Name + " " + q.Path.String()
}

// renderEdited renders a source after the edit of a place. What the tree has is edited there, so that the chart is
// rendered as it will be; other files and flags are edited on their way to the engine.
func renderEdited(ctx context.Context, fsys fs.FS, source render.Source, at yamldoc.Location, q origin.Query) ([]render.Manifest, error) {
	if data, err := fs.ReadFile(fsys, at.Path); err == nil {
		if data, err = edit(data, at, q); err != nil {
			return nil, err
		}
		edited := tree.NewOverlay(fsys)
		edited.Write(at.Path, data)
		return renderAll(ctx, render.In{Tree: edited}, source)
	}
	failed := fmt.Errorf("no such file or flag")
	probe := func(in render.Input) []byte {
		data := in.Data
		switch {
		case in.Path == at.Path:
			data, failed = edit(data, at, q)
		case in.Use == render.UseFlag && at.Path == in.Path+" "+at.Key && bytes.Contains(data, []byte(at.Key+"=")):
			data, failed = editFlag(data, at.Key, q)
		}
		return data
	}
	manifests, err := renderAll(ctx, render.In{Tree: fsys, Probe: probe}, source)
	return manifests, cmp.Or(failed, err)
}

func renderAll(ctx context.Context, in render.In, source render.Source) ([]render.Manifest, error) {
	result, err := source.Render(ctx, in)
	if err != nil {
		return nil, err
	}
	return result.Manifests(func([]byte) bool { return true })
}

// changed reports whether a field differs from what it was, in an object and container that are still there.
func changed(manifests []render.Manifest, q origin.Query) bool {
	for _, m := range manifests {
		if m.Document.Path == q.Manifest.Document.Path && m.Kind == q.Manifest.Kind && m.Part == q.Manifest.Part && m.Item == q.Manifest.Item {
			_, holder := yamldoc.Lookup(m.Node, q.Path)
			return holder != nil && yamldoc.ScalarAt(m.Node, q.Path) != yamldoc.ScalarAt(q.Manifest.Node, q.Path)
		}
	}
	return false
}

// editFlag gives a key of a flag, KEY=VALUE,KEY=VALUE, what is wanted instead.
func editFlag(flag []byte, key string, q origin.Query) ([]byte, error) {
	before, after, ok := bytes.Cut(flag, []byte(key+"="))
	value := []byte(yamldoc.ScalarAt(q.Manifest.Node, q.Path))
	if i := bytes.Index(after, value); ok && i >= 0 {
		return slices.Concat(before, []byte(key+"="), after[:i], []byte(q.Replacement), after[i+len(value):]), nil
	}
	return nil, fmt.Errorf("%s has no %s=%s", flag, key, value)
}

// edit makes the edit that a person would make at a decision: of the value, if it stands there, else of a line with
// the key, beside or below what stands there.
func edit(data []byte, at yamldoc.Location, q origin.Query) ([]byte, error) {
	if at.Line == 0 && at.Key != "" { // a key that stands nowhere yet
		return append(bytes.Clone(data), nested(strings.Split(at.Key, "."), q.Replacement)+"\n"...), nil
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	if at.Line < 1 || at.Line > len(lines) {
		return nil, fmt.Errorf("%s has %d lines", at, len(lines))
	}
	line := string(lines[at.Line-1])
	start, end := at.Column-1, len(strings.TrimRight(line, "\r\n"))
	if at.EndLine == at.Line {
		end = at.EndColumn - 1
	}
	if start < 0 || start > end || end > len(line) {
		return nil, fmt.Errorf("%s-%d is not on the line", at, at.EndColumn)
	}
	before, span, after := line[:start], line[start:end], line[end:]
	field := q.Path.Last()
	switch value := yamldoc.ScalarAt(q.Manifest.Node, q.Path); {
	case value != "" && strings.Contains(span, value):
		line = before + strings.Replace(span, value, q.Replacement, 1) + after
	case value != "": // a part of it
		line = before + strings.Replace(span, strings.Trim(span, `"'`), q.Replacement, 1) + after
	case slices.Contains([]string{"", "null", "~", `""`, "''"}, span):
		line = before + q.Replacement + after
	case strings.HasSuffix(span, ":"): // a key without a value
		line = before + span + " " + q.Replacement + after
	case strings.HasPrefix(span, field+":"):
		line = before + field + ": " + q.Replacement + after
	case at.Key != "" && strings.HasPrefix(strings.TrimLeft(after, `"'`), ":"):
		return editKey(lines, at, before, span, after, q.Replacement), nil
	default: // beside what is near
		between := "\n" + strings.Repeat(" ", utf8.RuneCountInString(before))
		if strings.ContainsAny(before, "{") {
			between = ", "
		}
		line = before + field + ": " + q.Replacement + between + span + after
	}
	lines[at.Line-1] = []byte(line)
	return bytes.Join(lines, nil), nil
}

// editKey writes the decision's key where it is missing: below the key that the decision is on, if that leads there,
// else before it.
func editKey(lines [][]byte, at yamldoc.Location, before, span, after, value string) []byte {
	keys := strings.Split(at.Key, ".")
	holder := slices.Index(keys, strings.Trim(span, `"'`))
	inner := keys[max(holder+1, 0):]
	if holder < 0 {
		inner = keys[len(keys)-1:]
	}
	text := nested(inner, value)
	line := ""
	switch open := strings.IndexByte(after, '{'); {
	case holder < 0 && strings.Contains(before, "{"):
		line = before + text + ", " + span + after
	case holder < 0:
		line = before + text + "\n" + strings.Repeat(" ", len(before)) + span + after
	case open >= 0:
		line = before + span + after[:open+1] + text + ", " + after[open+1:]
	default:
		below := lines[at.Line]
		line = before + span + after + strings.Repeat(" ", len(below)-len(bytes.TrimLeft(below, " "))) + text + "\n"
	}
	lines[at.Line-1] = []byte(line)
	return bytes.Join(lines, nil)
}

// nested is YAML in both styles, and JSON: "a": {"b": "value"}.
func nested(keys []string, value string) string {
	return `"` + strings.Join(keys, `": {"`) + `": "` + value + `"` + strings.Repeat("}", len(keys)-1)
}

// TestTrees verifies the decisions of all findings in real repositories.
func TestTrees(t *testing.T) {
	roots := filepath.SplitList(os.Getenv("PULLCHECK_TREES"))
	if len(roots) == 0 {
		t.Skip("no trees: set PULLCHECK_TREES to a list of directories to verify every decision in them")
	}
	for _, root := range roots {
		t.Run(filepath.Base(root), func(t *testing.T) {
			fsys := os.DirFS(root)
			cache := cmp.Or(os.Getenv("PULLCHECK_CACHE"), t.TempDir())
			sources, err := rendertest.Finder(fsys, cache).Find(t.Context(), ".")
			if err != nil {
				t.Fatal(err)
			}
			var s tally
			options := render.AllOptions{Jobs: runtime.NumCPU()}
			render.All(t.Context(), fsys, sources, options, func(ctx context.Context, i int, result *render.Result) (none struct{}, err error) {
				if sources[i].ID().Kind == render.Raw {
					return none, nil
				}
				manifests, err := result.Manifests(check.MayHoldContainers)
				if err != nil {
					return none, err
				}
				queries := policies(sources[i], manifests)
				traces := origin.Find(ctx, fsys, sources[i], queries).Traces
				s.verify(t.Context(), fsys, sources[i], queries, traces)
				return none, nil
			})
			for _, line := range s.inexact {
				t.Logf("not exact: %s", line)
			}
			for _, line := range s.wrong {
				t.Errorf("wrong: %s", line)
			}
			t.Logf("%d fields, %d exact, %d edits tried, %d wrong", s.fields, s.exact, s.edits, len(s.wrong))
		})
	}
}
