package fix_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/fix"
	"github.com/pullcheck/pullcheck/internal/rendertest"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestFixesHold fixes generated charts and overlays and compares what they render to, by means of its own: what has a
// fix is Always, and nothing else differs, if all fixes are made, those of one file, or one alone. PULLCHECK_SEEDS is how
// many trees there are, where it is set.
func TestFixesHold(t *testing.T) {
	seeds := 16
	if text := os.Getenv("PULLCHECK_SEEDS"); text != "" {
		var err error
		if seeds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	var findings, fixed atomic.Int64
	t.Run("seed", func(t *testing.T) {
		for seed := range int64(seeds) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				g := &generator{Rand: rand.New(rand.NewSource(seed)), tree: fstest.MapFS{}}
				g.generate()
				r := newRun(t, g.tree)
				files, _ := r.prove(t)
				defer func() {
					if t.Failed() {
						g.log(t)
					}
				}()
				for _, f := range r.report.Findings {
					findings.Add(1)
					if f.Fix != nil {
						fixed.Add(1)
					}
				}
				r.holds(t, "all fixes", files, func(check.Finding) bool { return true })
				for _, file := range files {
					r.holds(t, "the fixes of "+file.Path, []fix.File{file}, func(f check.Finding) bool {
						return !slices.ContainsFunc(f.Fix.Edits, func(e yamldoc.Edit) bool { return e.Path != file.Path })
					})
				}
				for _, f := range r.report.Findings {
					if f.Fix != nil {
						r.holds(t, "the fix of "+f.Decision.String(), r.apply(t, f.Fix.Edits), func(other check.Finding) bool { return reflect.DeepEqual(f, other) })
					}
				}
			})
		}
	})
	if fixed.Load()*10 < findings.Load()*9 {
		t.Errorf("only %d of %d findings have a fix", fixed.Load(), findings.Load())
	}
}

// apply makes the edits of one fix.
func (r *run) apply(t *testing.T, edits []yamldoc.Edit) []fix.File {
	t.Helper()
	byPath := map[string][]yamldoc.Edit{}
	for _, e := range edits {
		byPath[e.Path] = append(byPath[e.Path], e)
	}
	var files []fix.File
	for path, edits := range byPath {
		before, err := fs.ReadFile(r.tree, path)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, fix.File{Path: path, Before: before, After: yamldoc.Apply(before, edits)})
	}
	return files
}

// holds compares all sources before and after files are written.
func (r *run) holds(t *testing.T, what string, files []fix.File, made func(check.Finding) bool) {
	t.Helper()
	fsys := tree.NewOverlay(r.tree)
	for _, file := range files {
		fsys.Write(file.Path, file.After)
	}
	places := map[check.ContainerRef]bool{}
	for _, f := range r.report.Findings {
		for _, hit := range f.Hits {
			places[hit.Ref] = true
		}
	}
	for i, source := range r.sources {
		if r.results[i] == nil {
			continue
		}
		after, err := source.Render(t.Context(), render.In{Tree: fsys})
		if err != nil {
			t.Errorf("after %s, %s does not render: %v", what, source.ID(), err)
			continue
		}
		was, is := decode(t, r.results[i].Text), decode(t, after.Text)
		for _, difference := range differences(was, is, nil) {
			t.Errorf("after %s, %s differs: %s", what, source.ID(), difference)
		}
		manifests, err := after.Manifests(check.MayHoldContainers)
		if err != nil {
			t.Fatal(err)
		}
		hits, _ := check.Run(source, manifests)
		left := map[check.ContainerRef]bool{}
		for _, hit := range hits {
			left[hit.Ref] = true
			if !places[hit.Ref] {
				t.Errorf("after %s, %s has a new finding at %s of %s", what, source.ID(), hit.Ref.Field, hit.Affected.Name)
			}
		}
		for _, f := range r.report.Findings {
			for _, hit := range f.Hits {
				if f.Fix != nil && made(f) && left[hit.Ref] && hit.Ref.Source == source.ID() {
					t.Errorf("after %s, %s still has %s of %s", what, source.ID(), hit.Ref.Field, hit.Affected.Name)
				}
			}
		}
	}
}

// decode reads the objects of a text as plain values.
func decode(t *testing.T, text []byte) any {
	t.Helper()
	var all []any
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var value any
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		all = append(all, value)
	}
}

// differences are where values differ, other than random ones and pull policies of containers that are Always.
func differences(was, is any, path []string) []string {
	last := ""
	if len(path) > 0 {
		last = path[len(path)-1]
	}
	inContainer := slices.Contains(path, "containers") || slices.Contains(path, "initContainers")
	if last == "random" || last == "imagePullPolicy" && inContainer && is == "Always" {
		return nil
	}
	var found []string
	before, wasMap := was.(map[string]any)
	after, isMap := is.(map[string]any)
	if wasMap && isMap {
		for key := range before {
			found = append(found, differences(before[key], after[key], append(slices.Clone(path), key))...)
		}
		for key := range after {
			if _, ok := before[key]; !ok {
				found = append(found, differences(nil, after[key], append(slices.Clone(path), key))...)
			}
		}
		return found
	}
	list, wasList := was.([]any)
	other, isList := is.([]any)
	if wasList && isList && len(list) == len(other) {
		for i := range list {
			found = append(found, differences(list[i], other[i], append(slices.Clone(path), fmt.Sprint(i)))...)
		}
		return found
	}
	if !reflect.DeepEqual(was, is) {
		found = append(found, fmt.Sprintf("%s was %v and is %v", strings.Join(path, "."), was, is))
	}
	return found
}

// generator writes a random tree.
type generator struct {
	*rand.Rand
	tree fstest.MapFS
}

func (g *generator) chance(percent int) bool { return g.Intn(100) < percent }

func (g *generator) pick(options ...string) string { return options[g.Intn(len(options))] }

func (g *generator) policy() string {
	return g.pick("IfNotPresent", "IfNotPresent", "Never", "Always", "always")
}

// scalar writes a value in one of the styles of YAML.
func (g *generator) scalar(value string) string {
	return g.pick(value, value, `"`+value+`"`, "'"+value+"'", "!!str "+value)
}

func (g *generator) comment() string { return g.pick("", "", " # a comment: {of: what}", "   # é") }

func (g *generator) log(t *testing.T) {
	for name, file := range g.tree {
		if !strings.HasSuffix(name, ".tgz") {
			t.Logf("-- %s --\n%s", name, file.Data)
		}
	}
}

// write puts a file in the tree, in one of the forms of text.
func (g *generator) write(name, content string) {
	if g.chance(15) {
		content = strings.ReplaceAll(content, "\n", "\r\n")
	}
	if g.chance(15) {
		content = strings.TrimRight(content, "\r\n")
	}
	g.tree[name] = &fstest.MapFile{Data: []byte(content), Mode: 0o644}
}

func (g *generator) generate() {
	for i := range 1 + g.Intn(2) {
		g.chart(fmt.Sprintf("charts/c%d", i))
	}
	if g.chance(60) {
		g.overlays()
	}
	if g.chance(40) {
		g.write("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: pod}\nspec:\n  containers:\n"+g.containers(2)+"---\n"+
			"{apiVersion: v1, kind: Pod, metadata: {name: flow}, spec: {containers: [{name: a, image: 'example/a:1', imagePullPolicy: "+g.policy()+"}]}}\n")
	}
}

// containers writes containers of manifests.
func (g *generator) containers(n int) string {
	var b strings.Builder
	for i := range n {
		indent := g.pick("  ", "    ")
		dash := "  -" + strings.Repeat(" ", len(indent)-1)
		inner := "  " + indent
		name, image := fmt.Sprintf("name: n%d", i), fmt.Sprintf("image: %s%s", g.scalar(fmt.Sprintf("example/i%d:1", i)), g.comment())
		lines := []string{name, image}
		if g.chance(60) {
			lines = append(lines, "imagePullPolicy: "+g.scalar(g.policy())+g.comment())
		}
		if g.chance(30) {
			lines = append(lines, "args:", "- a")
		} else {
			g.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
		}
		fmt.Fprintf(&b, "%s%s\n", dash, strings.Join(lines, "\n"+inner))
	}
	return b.String()
}

// chart writes a chart with its templates, values, environments and, perhaps, a dependency.
func (g *generator) chart(dir string) {
	chart := "apiVersion: v2\nname: c\nversion: 1.0.0\n"
	n := 1 + g.Intn(4)
	values, prod := "replicas: 1"+g.comment()+"\n", "replicas: 2\n"
	var keys []string
	for i := range n {
		key := fmt.Sprintf("image%d", i)
		keys = append(keys, key)
		values += g.image(key, true)
		if g.chance(25) {
			prod += g.image(key, false)
		}
	}
	if g.chance(30) {
		values += "common: &policy " + g.policy() + "\nanchored: {tag: '1', pullPolicy: *policy}\n"
		keys = append(keys, "anchored")
		if g.chance(40) {
			values += "other: *policy\n"
		}
	}
	values += "global: {tag: '1'}\nextra:\n" + strings.ReplaceAll(g.containers(1), "name: n", "name: extra")
	dependencies := map[string][]byte{}
	if g.chance(50) {
		chart += "dependencies:\n- {name: db, version: 1.0.0, repository: 'https://example.com/charts'" + g.pick("", ", alias: store") + "}\n"
		dependencies["db/Chart.yaml"] = []byte("{apiVersion: v2, name: db, version: 1.0.0}\n")
		dependencies["db/values.yaml"] = []byte(g.image("first", true) + g.image("second", true))
		dependencies["db/templates/pod.yaml"] = []byte(g.template("db", []string{"first", "second"}))
		if g.chance(30) {
			values += g.pick("db", "store") + ":" + g.pick(" {}", " {first: {a: b}}", "\n  first:\n    tag: '2'", "\n  a: b") + g.comment() + "\n"
		}
	}
	g.write(dir+"/Chart.yaml", chart)
	g.write(dir+"/values.yaml", values)
	if g.chance(50) {
		g.write(dir+"/values-prod.yaml", prod)
	}
	g.write(dir+"/templates/pod.yaml", g.template("api", keys))
	if g.chance(30) {
		g.write(dir+"/templates/extra.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: extra}\nspec:\n  containers: {{- toYaml .Values.extra | nindent 2 }}\n")
	}
	if g.chance(20) {
		g.write(dir+"/templates/config.yaml", fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {a: {{ .Values.%s.pullPolicy | quote }}, b: {{ .Values.other | quote }}}\n", g.pick(keys...)))
	}
	switch {
	case len(dependencies) > 0 && g.chance(60):
		g.tree[dir+"/charts/db-1.0.0.tgz"] = &fstest.MapFile{Data: rendertest.Pack(dependencies), Mode: 0o644}
	default:
		for name, content := range dependencies {
			g.write(dir+"/charts/"+name, string(content))
		}
	}
}

// image writes the values of an image, whose policy may be missing.
func (g *generator) image(key string, whole bool) string {
	policy := "pullPolicy: " + g.scalar(g.policy())
	switch {
	case g.chance(10):
		policy = "pullPolicy: " + g.pick("null", "~", `""`)
	case whole && g.chance(30):
		policy = ""
	}
	lines := []string{policy}
	if whole {
		lines = append(lines, "repository: example/"+key, "tag: "+g.pick("'1'", `"latest"`))
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	g.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
	if g.chance(30) {
		return key + ": {" + strings.Join(lines, g.pick(", ", " , ")) + "}" + g.comment() + "\n"
	}
	indent := g.pick("  ", "    ")
	text := key + ":" + g.comment() + "\n"
	for _, line := range lines {
		text += indent + line + g.comment() + "\n"
	}
	if whole && g.chance(30) {
		text += indent + "nested:\n" + indent + "  a: b\n"
	}
	return text
}

// template writes a pod with a container for each key, which gets its policy in one of many ways.
func (g *generator) template(name string, keys []string) string {
	text := "apiVersion: v1\nkind: Pod\nmetadata:\n  name: " + name + "\n"
	if g.chance(20) {
		text += "  annotations: {random: {{ randAlphaNum 8 | quote }}}\n"
	}
	text += "spec:\n  containers:\n"
	if g.chance(30) {
		keys = append(slices.Clone(keys), keys[0]) // which decides for two containers
	}
	for i, key := range keys {
		value := ".Values." + key + ".pullPolicy"
		image := "image: " + g.pick("example/"+key, "{{ .Values."+key+".repository | default \"a\" }}") + ":{{ .Values." + key + ".tag }}"
		policy := g.pick(
			"imagePullPolicy: {{ "+value+" }}",
			"imagePullPolicy: {{ "+value+" | quote }}",
			`imagePullPolicy: {{ `+value+` | default "IfNotPresent" }}`,
			`imagePullPolicy: {{ coalesce `+value+` .Values.global.pullPolicy "Never" }}`,
			"imagePullPolicy: {{ default .Values.global.pullPolicy "+value+" }}",
			"{{- with "+value+" }}\n    imagePullPolicy: {{ . }}\n    {{- end }}",
			`{{- if ne (`+value+` | default "") "Never" }}`+"\n    imagePullPolicy: {{ "+value+" }}\n    {{- end }}",
			"imagePullPolicy: "+g.scalar(g.policy()),
			"",
		)
		lines := slices.DeleteFunc([]string{fmt.Sprintf("name: %s-%d", strings.ToLower(key), i), image, policy}, func(line string) bool { return line == "" })
		if !strings.HasPrefix(policy, "{{") {
			g.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
		}
		text += "  - " + strings.Join(lines, "\n    ") + "\n"
	}
	return text
}

// overlays writes a base, perhaps a component, and overlays with patches.
func (g *generator) overlays() {
	g.write("base/kustomization.yaml", "resources:\n- pod.yaml\n")
	g.write("base/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod\nspec:\n  containers:\n"+g.containers(3))
	merge := func(indent string) string {
		return strings.ReplaceAll("apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod\nspec:\n  containers:\n  - name: n1\n    imagePullPolicy: "+g.scalar(g.policy())+g.comment()+"\n", "\n", "\n"+indent)
	}
	json6902 := func() string {
		return g.pick(
			"[{op: add, path: /spec/containers/0/imagePullPolicy, value: "+g.policy()+"}]",
			"\n- op: add\n  path: /spec/containers/0/imagePullPolicy\n  value: "+g.scalar(g.policy()),
		)
	}
	component := g.chance(40)
	if component {
		g.write("component/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- path: patch.yaml\n")
		g.write("component/patch.yaml", merge(""))
	}
	for i := range 1 + g.Intn(3) {
		dir := fmt.Sprintf("overlays/o%d", i)
		text := "resources:\n- ../../base\n"
		if component && g.chance(60) {
			text += "components:\n- ../../component\n"
		}
		if g.chance(40) {
			text += fmt.Sprintf("namePrefix: o%d-\n", i)
		}
		if g.chance(30) {
			text += "images:\n- name: example/i0\n  newTag: latest\n"
		}
		switch g.Intn(5) {
		case 0:
			text += "patches:\n- path: patch.yaml\n"
			g.write(dir+"/patch.yaml", merge(""))
		case 1:
			text += "patches:\n- patch: |-\n    " + strings.TrimRight(merge("    "), " ")
		case 2:
			text += "patches:\n- target: {kind: Pod}\n  path: patch.yaml\n"
			g.write(dir+"/patch.yaml", "- op: replace\n  path: /spec/containers/2/imagePullPolicy\n  value: "+g.scalar(g.policy())+g.comment()+"\n")
			if !strings.Contains(string(g.tree["base/pod.yaml"].Data), "imagePullPolicy") {
				delete(g.tree, dir+"/patch.yaml")
				text = "resources:\n- ../../base\n"
			}
		case 3:
			text += "patches:\n- target: {kind: Pod}\n  patch: |-" + strings.ReplaceAll("\n"+strings.TrimPrefix(json6902(), "\n"), "\n", "\n    ") + "\n"
		}
		g.write(dir+"/kustomization.yaml", text)
	}
}
