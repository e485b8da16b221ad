package origin_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/internal/rendertest"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestOrigin traces the fields of the cases in testdata/origin. A case is a tree of files, less those that say what
// to do with them:
//
//	want   what is traced, as testCase.print writes it
//	flags  of helm template: -f FILE --set KEY=VALUE …
//	why    the fields to trace, as KIND/NAME PATH REPLACEMENT, in place of the policies that break a rule
//	crlf   the files whose lines end with CRLF
//
// What stands below NAME.tgz/ is packed, and what stands below NAME.git/ is committed to a repository, whose URL
// is in the place of ${NAME.git} in other files.
//
// Each decision that is said to be exact is edited, and nothing may differ in a second run.
func TestOrigin(t *testing.T) {
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			c := readCase(t, name)
			first, second := c.trace(t), c.trace(t)
			if len(first) != len(second) {
				t.Fatalf("%d fields, and %d in the second run", len(first), len(second))
			}
			for i := range first {
				if first[i].name != second[i].name {
					first[i].name, second[i].name = "*", "*"
				}
			}
			got := c.print(first)
			if again := c.print(second); got != again {
				t.Errorf("the second run differs: got\n%s\nand then\n%s", got, again)
			}
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			for _, line := range c.verify(t, first).wrong {
				t.Errorf("wrong: %s", line)
			}
		})
	}
}

// TestVerifyFindsWrongDecisions moves decisions to other places, where a value of the same kind stands, and holds verify to
// finding that they decide nothing there.
func TestVerifyFindsWrongDecisions(t *testing.T) {
	for name, place := range map[string]struct{ path, line string }{
		"helm_plain_value":         {"chart/values.yaml", "  pullPolicy: IfNotPresent # of the sidecar"},
		"helm_literal":             {"chart/templates/pod.yaml", "    imagePullPolicy: Never"},
		"helm_no_policy":           {"chart/templates/pod.yaml", "  - image: example/other:1"},
		"helm_two_values_files":    {"chart/first.yaml", "  pullPolicy: Never"},
		"helm_set":                 {"chart/values.yaml", "  pullPolicy: Always"},
		"helm_absent_null":         {"chart/values.yaml", "sidecar:"},
		"kustomize_patch_file":     {"base/pod.yaml", "    imagePullPolicy: Always"},
		"kustomize_missing_shared": {"base/pod.yaml", "  - image: example/other:latest"},
		"raw_scalar":               {"pod.yaml", "    imagePullPolicy: Always"},
		"field_image":              {"chart/values.yaml", "  repository: example/other"},
	} {
		t.Run(name, func(t *testing.T) {
			c := readCase(t, name)
			traced := c.trace(t)[:1]
			if s := c.verify(t, traced); len(s.wrong) > 0 || s.edits == 0 {
				t.Fatalf("%d edits, wrong: %q", s.edits, s.wrong)
			}
			data, err := fs.ReadFile(c.tree, place.path)
			if err != nil {
				t.Fatal(err)
			}
			start := bytes.Index(data, []byte(place.line+"\n"))
			if start < 0 {
				t.Fatalf("%s has no line %q", place.path, place.line)
			}
			end := start + len(strings.TrimSuffix(place.line, ":"))
			if q := traced[0].query; yamldoc.ScalarAt(q.Manifest.Node, q.Path) == "" {
				start += len(place.line) - len(strings.TrimLeft(place.line, " -"))
			} else {
				start += strings.Index(place.line, ": ") + len(": ")
			}
			location := yamldoc.NewText(data).Location(start, end)
			location.Path, location.Key = place.path, traced[0].Decisions[0].Key
			traced[0].Decisions = []yamldoc.Location{location}
			if s := c.verify(t, traced); len(s.wrong) != 1 {
				t.Errorf("%s: wrong: %q, want one", location, s.wrong)
			}
		})
	}
}

// cases are the names of the cases.
func cases(t *testing.T) []string {
	files, err := filepath.Glob("../../testdata/origin/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = strings.TrimSuffix(filepath.Base(file), ".txtar")
	}
	return names
}

// testCase is a case of testdata/origin.
type testCase struct {
	tree    fs.FS
	sources []render.Source
	want    string
	why     [][]string
	// replaced are URLs of repositories, which differ from run to run, and what stands for them in the case.
	replaced []string
}

func readCase(t *testing.T, name string) *testCase {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("../../testdata/origin", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	c := &testCase{}
	var flags string
	files := fstest.MapFS{}
	packed := map[string][]txtar.File{}
	var crlf []string
	for _, file := range archive.Files {
		if container, inner, ok := cutContainer(file.Name); ok {
			packed[container] = append(packed[container], txtar.File{Name: inner, Data: file.Data})
			continue
		}
		switch file.Name {
		case "want":
			c.want = string(file.Data)
		case "flags":
			flags = string(file.Data)
		case "why":
			for line := range strings.Lines(string(file.Data)) {
				c.why = append(c.why, strings.Fields(line))
			}
		case "crlf":
			crlf = strings.Fields(string(file.Data))
		default:
			files[file.Name] = &fstest.MapFile{Data: file.Data, Mode: 0o444}
		}
	}
	for container, inner := range packed {
		if path.Ext(container) == ".tgz" {
			files[container] = &fstest.MapFile{Data: rendertest.Pack(filesOf(inner)), Mode: 0o444}
		} else {
			c.replaced = append(c.replaced, rendertest.Commit(t, filesOf(inner)), "${"+container+"}")
		}
	}
	for i := 0; i < len(c.replaced); i += 2 {
		for _, file := range files {
			file.Data = bytes.ReplaceAll(file.Data, []byte(c.replaced[i+1]), []byte(c.replaced[i]))
		}
	}
	for _, file := range crlf {
		files[file].Data = bytes.ReplaceAll(files[file].Data, []byte("\n"), []byte("\r\n"))
	}
	c.tree = files
	finder := rendertest.Finder(c.tree, t.TempDir())
	finder.Kustomization.Engine.Offline = false // for repositories on the disk
	finder.Chart.Options = chartOptions(t, strings.Fields(flags))
	if c.sources, err = finder.Find(t.Context(), "."); err != nil {
		t.Fatal(err)
	}
	return c
}

// filesOf returns the files of an archive by name.
func filesOf(files []txtar.File) map[string][]byte {
	byName := map[string][]byte{}
	for _, file := range files {
		byName[file.Name] = file.Data
	}
	return byName
}

// cutContainer takes apart the path of a file in a packaged chart or a repository.
func cutContainer(name string) (container, inner string, ok bool) {
	for _, extension := range []string{".tgz", ".git"} {
		if container, inner, ok = strings.Cut(name, extension+"/"); ok {
			return container + extension, inner, true
		}
	}
	return "", "", false
}

// chartOptions returns the options of charts for flags.
func chartOptions(t *testing.T, flags []string) helm.Options {
	t.Helper()
	var options helm.Options
	for i := 0; i+1 < len(flags); i += 2 {
		switch value := flags[i+1]; flags[i] {
		case "-f":
			options.ValuesFiles = append(options.ValuesFiles, render.File{Path: value})
		case "--set":
			options.Set = append(options.Set, value)
		case "--set-string":
			options.SetString = append(options.SetString, value)
		case "--set-json":
			options.SetJSON = append(options.SetJSON, value)
		default:
			t.Fatalf("flag %s", flags[i])
		}
	}
	return options
}

// traced is a query and its trace.
type traced struct {
	source render.Source
	name   string // of the object
	query  origin.Query
	origin.Trace
}

// trace renders all sources and traces the queries about them.
func (c *testCase) trace(t *testing.T) []traced {
	t.Helper()
	var all []traced
	for _, source := range c.sources {
		result, err := source.Render(t.Context(), render.In{Tree: c.tree})
		if err != nil {
			t.Fatalf("%s: %v", source.ID(), err)
		}
		manifests, err := result.Manifests(func([]byte) bool { return true })
		if err != nil {
			t.Fatalf("%s: %v", source.ID(), err)
		}
		queries := policies(source, manifests)
		if c.why != nil {
			queries = fields(t, c.why, manifests)
		}
		for i, answer := range origin.Find(t.Context(), c.tree, source, queries).Traces {
			all = append(all, traced{source, queries[i].Manifest.Name, queries[i], answer})
		}
	}
	return all
}

// fields asks for fields by KIND/NAME PATH REPLACEMENT.
func fields(t *testing.T, why [][]string, manifests []render.Manifest) []origin.Query {
	t.Helper()
	var queries []origin.Query
	for _, words := range why {
		field, err := yamldoc.ParsePath(words[1])
		if err != nil {
			t.Fatal(err)
		}
		for i := range manifests {
			if m := &manifests[i]; m.Kind+"/"+m.Name == words[0] {
				queries = append(queries, origin.Query{Manifest: m, Path: field, Replacement: words[2]})
			}
		}
	}
	return queries
}

// verify edits the exact decisions.
func (c *testCase) verify(t *testing.T, all []traced) *tally {
	t.Helper()
	var s tally
	for _, source := range c.sources {
		var queries []origin.Query
		var answers []origin.Trace
		for _, one := range all {
			if one.source.ID() == source.ID() {
				queries, answers = append(queries, one.query), append(answers, one.Trace)
			}
		}
		s.verify(t.Context(), c.tree, source, queries, answers)
	}
	return &s
}

// print writes, for each field, its value and then its decisions and the way from there, with the line in which
// «the text that the location has» is set off:
//
//	chart (prod): Pod/api spec.containers[api].imagePullPolicy: IfNotPresent
//		chart/values-prod.yaml:2: pullPolicy: «IfNotPresent» (image.pullPolicy)
//		via chart/templates/pod.yaml:9: «imagePullPolicy: {{ .Values.image.pullPolicy }}»
//
// The key of a decision is behind it. A decision that is not exact has "perhaps" before it.
func (c *testCase) print(all []traced) string {
	var b strings.Builder
	for _, one := range all {
		q := one.query
		value := cmp.Or(yamldoc.ScalarAt(q.Manifest.Node, q.Path), "(missing)")
		fmt.Fprintf(&b, "%s: %s/%s %s: %s\n", one.source.ID(), q.Manifest.Kind, one.name, q.Path.Named(), value)
		for _, decision := range one.Decisions {
			prefix, suffix := "", ""
			if !one.Exact {
				prefix = "perhaps "
			}
			if decision.Key != "" {
				suffix = " (" + decision.Key + ")"
			}
			fmt.Fprintf(&b, "\t%s%s%s\n", prefix, marked(decision), suffix)
		}
		for _, via := range one.Via {
			fmt.Fprintf(&b, "\tvia %s\n", marked(via))
		}
	}
	return strings.NewReplacer(c.replaced...).Replace(b.String())
}

// marked is a location with its line, in which the text that it has is set off.
func marked(l yamldoc.Location) string {
	if l.Line == 0 {
		return l.Path
	}
	if l.EndLine == 0 {
		return l.String()
	}
	end, more := len(l.Snippet), "…"
	if l.EndLine == l.Line {
		end, more = l.EndColumn-1, ""
	}
	start := l.Column - 1
	if start > end || end > len(l.Snippet) {
		return fmt.Sprintf("%s-%d:%d: not in %q", l, l.EndLine, l.EndColumn, l.Snippet)
	}
	return fmt.Sprintf("%s:%d: %s«%s%s»%s", l.Path, l.Line, strings.TrimLeft(l.Snippet[:start], " "), l.Snippet[start:end], more, l.Snippet[end:])
}
