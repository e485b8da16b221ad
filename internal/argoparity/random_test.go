package argoparity

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// files are the repository that random ApplicationSets read.
var files = map[string][]byte{
	"config.yaml":                   []byte("name: root\nsize: big\nenv: dev\n"),
	".gitignore":                    []byte("ignored/\n*.tmp\n!kept.tmp\n"),
	"ignored/config.yaml":           []byte("name: ignored\n"),
	"kept.tmp/config.yaml":          []byte("name: kept\n"),
	".hidden/apps/config.yaml":      []byte("name: hidden\nenv: prod\n"),
	"apps/one/config.yaml":          []byte("name: one\nsize: 1\nenv: dev\nlabels: {tier: web, zone: a}\nports: [80, 443]\n"),
	"apps/two/config.json":          []byte(`{"name": "two", "size": 2.5, "env": "prod", "labels": {"tier": "db"}, "on": true, "none": null}`),
	"apps/two/nested/config.yaml":   []byte("name: nested\nsize: big\nvalues: {size: file, color: red}\n"),
	"apps/Three_3.x/config.yaml":    []byte("name: Three Three\nenv: test\nlabels: {}\nports: []\n"),
	"lists/many.yaml":               []byte("- {name: first, env: dev, labels: {tier: web}}\n- {name: second, size: '', env: prod}\n- {}\n"),
	"lists/empty.yaml":              nil,
	"lists/deep.yaml":               []byte("name: deep\na: {b: {c: [{d: 1}, {e: [2, {f: x}]}]}}\n"),
	"charts/web/templates/a.yaml":   []byte("name: '{{ .Values.name }}'\n"),
	"charts/web/environment/dev":    []byte("name: web\nenv: dev\n"),
	"charts/api[1]/config.yaml":     []byte("name: bracket\nenv: dev\n"),
	"broken/text":                   []byte("just text"),
	"charts/web/.argocd/config.yml": []byte("name: argo\n"),
}

// TestRandom expands ApplicationSets that are random combinations of what Argo CD's documentation offers. A set has
// the number of its test as seed: run one with -run TestRandom/17.
func TestRandom(t *testing.T) {
	const sets = 500
	repo := newCheckout(t, files)
	applications, empty := 0, 0
	for seed := range uint64(sets) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := &random{Rand: rand.New(rand.NewPCG(seed, 1))}
			set := marshal(t, r.set())
			n, difference := compare(t, set, repo)
			if difference != "" && !strings.Contains(difference, panics) {
				t.Errorf("%s\n%s", set, difference)
			}
			applications += n
			if n == 0 {
				empty++
			}
		})
	}
	t.Logf("%d sets: %d Applications; %d sets have none, or an error", sets, applications, empty)
	if !t.Failed() && (applications < sets || empty > 2*sets/3) {
		t.Error("the sets expand into too little")
	}
}

// TestPatterns compares the files that random patterns of a git generator match with those that git lists.
func TestPatterns(t *testing.T) {
	repo := newCheckout(t, files)
	names := slices.Sorted(maps.Keys(files))
	wildcards := []string{
		"*", "*", "*", "**", "?", "?", "?", "[a-z]", "[a-z/.]", "[!o]", "[!A-Z]", "[^a]", "[]a]",
		"[[:alpha:]]", "[[:digit:]/]", "[", "]", `\`, "/", "..", ".", "",
	}
	applications := 0
	for seed := range uint64(500) {
		r := &random{Rand: rand.New(rand.NewPCG(seed, 2))}
		var pattern strings.Builder
		for _, char := range pick(r, names...) {
			if r.chance(14) {
				pattern.WriteString(pick(r, wildcards...))
			} else {
				pattern.WriteRune(char)
			}
		}
		n, difference := compare(t, marshal(t, object{"spec": object{
			"goTemplate": true,
			"generators": []any{object{"git": object{"repoURL": repoURL, "files": []any{
				object{"path": pattern.String()},
				object{"path": "broken", "exclude": true}, // It has no parameters.
				object{"path": "lists", "exclude": true},  // It has several sets of them.
			}}}},
			"template": object{"metadata": object{"name": "{{ .path.path }}/{{ .path.filename }}"}},
		}}), repo)
		if difference != "" {
			t.Errorf("%q: %s", pattern.String(), difference)
		}
		applications += n
	}
	t.Logf("%d Applications", applications)
	if !t.Failed() && applications < 100 {
		t.Error("the patterns match too little")
	}
}

// TestNames compares the functions that make names of random texts.
func TestNames(t *testing.T) {
	r := &random{Rand: rand.New(rand.NewPCG(0, 3))}
	var elements []any
	for i := range 300 {
		var text strings.Builder
		for range r.IntN(12) {
			text.WriteString(pick(r, "word", "Word", "3", ".", "-", "--", "_", " ", "/", "\u00e4", "\u4e16", "&", "@", "'", "longer-word"))
		}
		elements = append(elements, object{"id": i, "text": text.String(), "size": r.IntN(30),
			"long": strings.Repeat(text.String(), 20)})
	}
	n, difference := compare(t, marshal(t, object{"spec": object{
		"goTemplate": true,
		"generators": []any{object{"list": object{"elements": elements}}},
		"template": object{"metadata": object{"name": "{{ .id }}", "annotations": object{
			"slug": "{{ slugify .text }}", "sized": "{{ slugify (int .size) .text }}", "cut": "{{ slugify (int .size) false .text }}",
			"name": "{{ normalize .text }}", "long": "{{ normalize .long }}", "four": "{{ slugify 10 true `x` .text }}",
		}}},
	}}), newCheckout(t, nil))
	if difference != "" || n != len(elements) {
		t.Errorf("%d Applications: %s", n, difference)
	}
}

func marshal(t *testing.T, set object) []byte {
	t.Helper()
	data, err := yaml.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// random makes the parts of an ApplicationSet. Texts are Go templates or not, as the set is.
type random struct {
	*rand.Rand
	goTemplate bool
}

type object = map[string]any

// chance is true once in n times.
func (r *random) chance(n int) bool { return r.IntN(n) == 0 }

func pick[T any](r *random, items ...T) T { return items[r.IntN(len(items))] }

// maybe sets a field once in n times.
func (r *random) maybe(n int, fields object, key string, value func() any) {
	if r.chance(n) {
		fields[key] = value()
	}
}

func (r *random) set() object {
	r.goTemplate = r.chance(2)
	spec := object{"template": r.template(true)}
	if r.goTemplate {
		spec["goTemplate"] = true
		r.maybe(4, spec, "goTemplateOptions", func() any {
			return []string{pick(r, "missingkey=error", "missingkey=zero", "missingkey=default")}
		})
	}
	var entries []any
	for range 1 + r.IntN(2) {
		entries = append(entries, r.entry(0))
	}
	spec["generators"] = entries
	r.maybe(3, spec, "templatePatch", func() any { return r.patch() })
	r.maybe(5, spec, "syncPolicy", func() any { return object{"preserveResourcesOnDeletion": r.chance(2)} })
	metadata := object{"name": "random"}
	r.maybe(2, metadata, "namespace", func() any { return "argocd" })
	return object{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": metadata, "spec": spec}
}

// entry is an entry of generators inside of depth others.
func (r *random) entry(depth int) object {
	kinds := []string{"list", "list", "git", "git"}
	if depth < 2 {
		kinds = append(kinds, "matrix", "matrix", "merge")
	}
	kind := pick(r, kinds...)
	var body object
	switch kind {
	case "list":
		body = r.list()
	case "git":
		body = r.git()
	case "matrix":
		second := r.entry(depth + 1)
		if r.chance(2) {
			second = object{"list": object{"elements": []any{r.region("eu"), r.region("us")}}}
		}
		body = object{"generators": []any{r.entry(depth + 1), second}}
	case "merge":
		body = r.merge(depth)
	}
	if depth == 0 {
		r.maybe(4, body, "template", func() any { return r.template(false) })
	}
	entry := object{kind: body}
	r.maybe(6, entry, "selector", func() any { return r.selector() })
	if depth == 0 && r.chance(10) && kind != "git" {
		entry["git"] = r.git()
	}
	return entry
}

func (r *random) merge(depth int) object {
	first := r.entry(depth + 1)
	for first["git"] != nil && !r.chance(4) { // Directories have no name.
		first = r.entry(depth + 1)
	}
	children := []any{first, object{"list": r.list()}}
	if r.chance(2) {
		children = append(children, object{"git": object{"repoURL": repoURL, "files": []any{object{"path": "apps/*.yaml"}}}})
	}
	r.Shuffle(len(children), func(i, j int) { children[i], children[j] = children[j], children[i] })
	name, both, env := []string{"name"}, []string{"name", "env"}, []string{"env"}
	return object{"mergeKeys": pick(r, name, name, name, both, env), "generators": children}
}

func (r *random) list() object {
	body := object{}
	var elements []any
	names := []string{"one", "two", "nested", "deep", "Four_4", "root"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:r.IntN(3)+r.IntN(3)] {
		elements = append(elements, r.element(name))
	}
	body["elements"] = elements
	r.maybe(8, body, "elementsYaml", func() any {
		return pick(r, "- {name: yaml, env: dev}\n- {name: more, size: 3}", "- {name: other, labels: {tier: yaml}}", "[]",
			"- name: '"+r.name()+"'", r.text())
	})
	return body
}

// region is an element without parameters that other elements have.
func (r *random) region(name string) object {
	element := object{"region": name}
	r.maybe(3, element, "zones", func() any { return r.text() })
	if r.goTemplate {
		r.maybe(3, element, "labels", func() any { return object{"tier": name, "zone": r.text()} })
		r.maybe(3, element, "ports", func() any { return pick(r, []any{}, []any{22, 23}) })
	}
	return element
}

func (r *random) element(name string) object {
	element := object{"name": name}
	if r.chance(30) {
		element["name"] = r.text()
	}
	r.maybe(2, element, "env", func() any { return pick(r, "dev", "prod", "", "test") })
	r.maybe(3, element, "size", func() any { return pick(r, "big", "small", r.text()) })
	r.maybe(10, element, "path", func() any { return pick(r, "apps/one", "x") })
	if !r.goTemplate {
		r.maybe(3, element, "values", func() any { return object{"size": r.text(), "color": "blue"} })
		r.maybe(40, element, "number", func() any { return 7 })
		return element
	}
	r.maybe(3, element, "labels", func() any {
		return pick[any](r, object{"tier": "list"}, object{}, object{"zone": "b", "deep": object{"x": r.text()}}, "text", nil)
	})
	r.maybe(4, element, "ports", func() any { return pick[any](r, []any{8080}, []any{}, nil, 1.5) })
	r.maybe(8, element, "values", func() any { return object{"color": "blue"} })
	r.maybe(6, element, "on", func() any { return r.chance(2) })
	return element
}

func (r *random) git() object {
	body := object{"repoURL": repoURL, "revision": "HEAD"}
	items := func(patterns ...string) []any {
		var items []any
		for range 1 + r.IntN(2) {
			items = append(items, object{"path": pick(r, patterns...)})
		}
		if r.chance(4) {
			items = append(items, object{"path": pick(r, patterns...), "exclude": true})
		}
		return items
	}
	if r.chance(2) {
		body["directories"] = items("apps/*", "*", "*/*", "apps/two/*", "charts/web", "a*/t*", "charts/*", "[a-c]*", "apps/"+r.text())
	} else {
		body["files"] = items("apps/*/config.yaml", "apps/**/config.json", "*.yaml", "lists/*", "lists/many.yaml", "config.yaml",
			"apps", "*/*/*.json", "**/dev", "apps/[ot]*", "apps/**", "charts/api[1]/config.yaml", "lists/deep.yaml",
			pick(r, "apps", "broken/*"), "apps/"+r.text()+"/config.yaml")
	}
	r.maybe(6, body, "pathParamPrefix", func() any { return pick(r, "git", "name", "labels") })
	r.maybe(3, body, "values", func() any { return object{"size": r.text(), "color": r.text()} })
	return body
}

func (r *random) selector() object {
	selector := object{}
	r.maybe(2, selector, "matchLabels", func() any { return object{pick(r, "env", "labels.tier"): pick(r, "dev", "web", "")} })
	r.maybe(2, selector, "matchExpressions", func() any {
		expression := object{"key": pick(r, "name", "env", "path", "path.basename", "labels.tier", "values.size", "ports.0", "on")}
		switch operator := pick(r, "In", "NotIn", "NotIn", "Exists", "DoesNotExist"); operator {
		case "In", "NotIn":
			expression["operator"], expression["values"] = operator, []string{"one", "dev", "apps/one", "web", "80", "true"}
		default:
			expression["operator"] = operator
		}
		return []any{expression}
	})
	return selector
}

// text is a text with parameters.
func (r *random) text() string {
	if !r.goTemplate {
		return pick(r,
			"plain", "{{name}}", "{{ name }}", "{{env}}", "{{path}}", "{{path.basename}}", "{{path[0]}}", "{{ path[1] }}-{{size}}",
			"{{values.size}}", "{{labels.tier}}", "{{path.basenameNormalized}}", "{{path.filename}}", "{{ports.1}}", "{{missing}}",
			"{{}}", "a\n{{name}}\n{{env}}", "}}{{name}}", "{{git.path.basename}}", "{name}")
	}
	if r.chance(20) { // These fail in many sets.
		return pick(r,
			"{{ .path.basename }}", "{{ index .path.segments 0 }}", "{{ .values.size }}", "{{ .labels.tier }}", "{{ .name | upper }}",
			"{{ .path.filename }}", "{{ dig `labels` `tier` `x` . }}", "{{ get .values `size` }}", "{{ .git.path.basename }}",
			"{{ (fromYaml .name).a }}", "{{ if }}", "{{ slugify 2 .ports }}", "{{ with .labels }}{{ .zone }}{{ end }}")
	}
	return pick(r,
		"plain", "{{.name}}", "{{ .name }}", "{{ .env }}", "{{ .path }}", "{{ .values | toJson }}", "{{ .values }}", "{{ . }}", "{name}",
		"{{ .missing }}", "{{ .labels | toJson }}", "{{ .name | toString | upper | trunc 4 }}", "{{ slugify 9 (toString .name) }}",
		"{{ slugify 6 false (toString .name) }}", "{{ normalize (toString .path) }}", "{{ toYaml .labels }}", "{{ toYaml .path }}",
		"{{ range .ports }}{{ . }},{{ end }}", "{{ if eq (toString .env) `prod` }}p{{ else }}d{{ end }}", "{{ .size | default .name }}",
		"{{ (fromYaml `a: 1`).a }}", "{{ fromYamlArray `[1, x]` | len }}", "{{ kindOf .values }} {{ kindOf .ports }}",
		"{{ if kindIs `map` .path }}{{ .path.basename }} {{ .path.segments }}{{ end }}", "{{ if .git }}{{ .git.path.path }}{{ end }}",
		"{{ if kindIs `map` .labels }}{{ .labels.tier }}{{ end }}", "{{ if .values }}{{ .values.color }}{{ end }}")
}

// template is the template of a set, or else of a generator; it can lack any field.
func (r *random) template(complete bool) object {
	often := 3
	metadata, spec := object{}, object{}
	if complete {
		often = 1
		metadata["name"] = strings.Join([]string{r.name(), r.text(), r.text()}, "-")
	} else {
		r.maybe(2, metadata, "name", func() any { return "own-" + r.name() })
	}
	r.maybe(3, metadata, "labels", func() any { return object{"team": pick(r, r.text(), ""), pick(r, "k", r.text()): "v"} })
	r.maybe(4, metadata, "annotations", func() any { return object{"note": r.text()} })
	r.maybe(6, metadata, "finalizers", func() any { return pick(r, []any{}, []any{"a/b"}, []any{r.text(), "c"}) })
	r.maybe(9, metadata, "namespace", func() any { return "elsewhere" })
	r.maybe(often, spec, "project", func() any { return pick(r, "default", r.text(), "") })
	r.maybe(often, spec, "source", func() any { return r.source() })
	r.maybe(often, spec, "destination", func() any {
		return object{pick(r, "name", "server"): r.text(), "namespace": pick(r, r.text(), "")}
	})
	r.maybe(5, spec, "sources", func() any { return []any{r.source(), r.source()} })
	r.maybe(5, spec, "revisionHistoryLimit", func() any { return pick(r, 0, 3) })
	r.maybe(5, spec, "syncPolicy", func() any {
		return object{"automated": object{"prune": r.chance(2)}, "syncOptions": pick(r, []any{}, []any{r.text()})}
	})
	r.maybe(6, spec, "ignoreDifferences", func() any {
		return []any{object{"kind": "Deployment", "jsonPointers": []any{r.text()}}}
	})
	r.maybe(6, spec, "info", func() any { return []any{object{"name": r.text(), "value": r.text()}} })
	return object{"metadata": metadata, "spec": spec}
}

// name is a parameter that most sets of parameters have of their own.
func (r *random) name() string {
	if r.goTemplate {
		return pick(r, "{{ .name }}{{ .region }}", "{{ .region }}{{ .name }}{{ .env }}", "{{ toString .path | trunc 40 }}{{ .name }}")
	}
	return pick(r, "{{name}}{{region}}", "{{region}}{{name}}{{env}}", "{{path}}{{name}}")
}

func (r *random) source() object {
	source := object{"repoURL": repoURL, "targetRevision": pick(r, "HEAD", "")}
	r.maybe(2, source, "path", func() any { return r.text() })
	r.maybe(2, source, "helm", func() any { return r.helm() })
	r.maybe(4, source, "kustomize", func() any {
		return object{"images": []any{"nginx:" + r.text()}, "commonLabels": object{"a": r.text()},
			"replicas": []any{object{"name": r.text(), "count": 2}}}
	})
	r.maybe(6, source, "directory", func() any { return object{"recurse": r.chance(2), "include": r.text()} })
	return source
}

func (r *random) helm() object {
	helm := object{}
	r.maybe(2, helm, "valuesObject", func() any {
		return pick(r, object{}, object{"image": object{"tag": r.text()}, "count": 1, "none": nil},
			object{r.text(): []any{r.text(), 2, nil}, "flag": false})
	})
	r.maybe(3, helm, "values", func() any { return "a: " + r.text() })
	r.maybe(3, helm, "parameters", func() any {
		return pick(r, []any{}, []any{object{"name": "n", "value": r.text(), "forceString": r.chance(2)}})
	})
	r.maybe(4, helm, "skipCrds", func() any { return r.chance(2) })
	r.maybe(4, helm, "valueFiles", func() any { return pick(r, []any{}, []any{r.text() + ".yaml"}) })
	r.maybe(4, helm, "releaseName", func() any { return pick(r, r.text(), "") })
	return helm
}

// patch is a templatePatch, mostly one that is valid.
func (r *random) patch() string {
	condition, end := "", ""
	if r.goTemplate && r.chance(2) {
		condition, end = "{{- if eq .env `dev` }}\n", "{{- end }}\n"
	}
	return condition + pick(r,
		"metadata:\n  labels: {patched: 'yes', team: null}\n  finalizers: [more]\n",
		"metadata:\n  annotations:\n    name: "+r.name()+"\n  namespace: other\n",
		"metadata:\n  name: patched-"+r.name()+"\n",
		"spec:\n  project: other\n  source:\n    path: patched\n    helm:\n      valuesObject: {one: dyed, count: 2}\n",
		"spec:\n  source:\n    helm:\n      valuesObject: {image: {tag: patched}}\n      parameters: [{name: p, value: q}]\n",
		`{"spec": {"source": {"$patch": "replace", "path": "json"}}}`+"\n",
		`{"spec": {"sources": [{"path": "`+r.name()+`"}], "syncPolicy": {"automated": null}}}`+"\n",
		"spec:\n  syncPolicy: {automated: {selfHeal: true}, syncOptions: [A=b]}\n  destination: {namespace: patched}\n",
		"metadata:\n  finalizers: null\n",
		"metadata:\n  $deleteFromPrimitiveList/finalizers: [a/b]\n",
		"spec: text\n",
	) + end
}
