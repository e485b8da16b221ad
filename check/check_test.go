package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// scalar is the node of a plain text, nil for none.
func scalar(value string) *yaml.Node {
	if value == "" {
		return nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// file checks one manifest file.
func file(t testing.TB, path, text string) []Hit {
	t.Helper()
	return check(t, raw.Source{Path: path}, render.Document{Path: path, Text: []byte(text), Verbatim: true})
}

// check checks documents that a source was rendered to.
func check(t testing.TB, source render.Source, documents ...render.Document) []Hit {
	t.Helper()
	manifests, err := (&render.Result{Documents: documents}).Manifests(everything)
	if err != nil {
		t.Fatal(err)
	}
	hits, _ := Run(source, manifests)
	queries := make([]origin.Query, len(hits))
	for i, hit := range hits {
		queries[i] = origin.Query{Manifest: hit.Manifest, Path: hit.Field, SiblingField: hit.ImageField}
	}
	for i, trace := range origin.Find(t.Context(), fstest.MapFS{}, failing{source}, queries).Traces {
		hits[i].Decide(trace.Decisions[0], trace.Via, trace.Exact)
	}
	return hits
}

// failing is a source that renders nothing a second time.
type failing struct{ render.Source }

func (failing) Render(context.Context, render.In) (*render.Result, error) {
	return nil, errors.New("not again")
}

// show writes findings as a few lines each.
func show(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&b, "%s %s %s exact=%v\n  %s\n", f.Rule, f.Decision, f.Decision.Key, f.Exact, f.Message)
		for _, a := range f.Affected {
			fmt.Fprintf(&b, "  - %s(%s) %s/%s/%s %s %s %s %s\n", a.Source, a.Environment, a.Kind, a.Namespace, a.Name, a.Container, a.Field, a.Image, a.Effective)
		}
	}
	return b.String()
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestEachContainerOfAFileIsAFinding: a file that is written by hand decides each of its policies, on the line of the
// policy, or on the line of the container if it has no policy.
func TestEachContainerOfAFileIsAFinding(t *testing.T) {
	hits := file(t, "app.yaml", `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: prod}
spec:
  containers:
    - name: written
      image: example.com/web:1
      imagePullPolicy: "IfNotPresent"
    - name: unset
      image: example.com/web:2
    - name: empty
      image: example.com/web:3
      imagePullPolicy: ""
    - name: nothing
      image: example.com/web:4
      imagePullPolicy:
    - name: fine
      image: example.com/web:5
      imagePullPolicy: Always
`)
	expect(t, show(NewReport(hits, nil, nil).Findings), `
pull-policy-not-always app.yaml:9:24 spec.containers[written].imagePullPolicy exact=true
  imagePullPolicy is IfNotPresent: a node that already has the image starts it without asking the registry
  - app.yaml() Pod/prod/web written spec.containers[0].imagePullPolicy example.com/web:1 IfNotPresent
pull-policy-not-always app.yaml:11:7 spec.containers[unset].imagePullPolicy exact=true
  imagePullPolicy is not set and the tag 2 makes it IfNotPresent: a node that already has the image starts it without asking the registry
  - app.yaml() Pod/prod/web unset spec.containers[1].imagePullPolicy example.com/web:2 IfNotPresent
pull-policy-not-always app.yaml:14:24 spec.containers[empty].imagePullPolicy exact=true
  imagePullPolicy is not set and the tag 3 makes it IfNotPresent: a node that already has the image starts it without asking the registry
  - app.yaml() Pod/prod/web empty spec.containers[2].imagePullPolicy example.com/web:3 IfNotPresent
pull-policy-not-always app.yaml:17:7 spec.containers[nothing].imagePullPolicy exact=true
  imagePullPolicy is not set and the tag 4 makes it IfNotPresent: a node that already has the image starts it without asking the registry
  - app.yaml() Pod/prod/web nothing spec.containers[3].imagePullPolicy example.com/web:4 IfNotPresent
`)
}

// TestAnchorIsOneFinding: an anchor that decides the policy of several containers is one finding. An anchor that only
// gives them the same image is several findings, because each container lacks a policy of its own.
func TestAnchorIsOneFinding(t *testing.T) {
	hits := file(t, "app.yaml", `
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Pod
    metadata: {name: a}
    spec:
      containers:
        - {name: one, image: &image "example.com/web:1", imagePullPolicy: &policy IfNotPresent}
        - {name: two, image: *image, imagePullPolicy: *policy}
        - {name: three, image: *image}
        - {name: four, image: *image}
        - &shared {name: five, image: "example.com/five:1"}
  - apiVersion: v1
    kind: Pod
    metadata: {name: b}
    spec:
      containers:
        - {name: other, image: "example.com/other@`+sum+`", imagePullPolicy: *policy}
        - {name: six, image: "example.com/six:1", imagePullPolicy: *policy}
        - *shared
`)
	const because = "a node that already has the image starts it without asking the registry"
	expect(t, show(NewReport(hits, nil, nil).Findings), `
pull-policy-not-always app.yaml:10:83 spec.containers[one].imagePullPolicy exact=true
  imagePullPolicy is IfNotPresent: `+because+`
  - app.yaml() Pod//a one spec.containers[0].imagePullPolicy example.com/web:1 IfNotPresent
  - app.yaml() Pod//a two spec.containers[1].imagePullPolicy example.com/web:1 IfNotPresent
  - app.yaml() Pod//b six spec.containers[1].imagePullPolicy example.com/six:1 IfNotPresent
pull-policy-digest app.yaml:10:83 spec.containers[other].imagePullPolicy exact=true
  imagePullPolicy is IfNotPresent: the digest keeps the bytes the same, but a node that has them starts them without asking the registry whether it still may
  - app.yaml() Pod//b other spec.containers[0].imagePullPolicy example.com/other@`+sum+` IfNotPresent
pull-policy-not-always app.yaml:12:25 spec.containers[three].imagePullPolicy exact=true
  imagePullPolicy is not set and the tag 1 makes it IfNotPresent: `+because+`
  - app.yaml() Pod//a three spec.containers[2].imagePullPolicy example.com/web:1 IfNotPresent
pull-policy-not-always app.yaml:13:24 spec.containers[four].imagePullPolicy exact=true
  imagePullPolicy is not set and the tag 1 makes it IfNotPresent: `+because+`
  - app.yaml() Pod//a four spec.containers[3].imagePullPolicy example.com/web:1 IfNotPresent
pull-policy-not-always app.yaml:14:32 spec.containers[five].imagePullPolicy exact=true
  imagePullPolicy is not set and the tag 1 makes it IfNotPresent: `+because+`
  - app.yaml() Pod//a five spec.containers[4].imagePullPolicy example.com/five:1 IfNotPresent
  - app.yaml() Pod//b five spec.containers[2].imagePullPolicy example.com/five:1 IfNotPresent
`)
}

// TestTemplateIsOneFindingForAllEnvironments: a line of a template that decides in several environments is one finding.
func TestTemplateIsOneFindingForAllEnvironments(t *testing.T) {
	deployment := func(namespace, policy string) render.Document {
		return render.Document{Path: "chart/templates/deployment.yaml", Text: []byte(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: ` + namespace + `}
spec:
  template:
    spec:
      initContainers:
        - {name: init, image: "example.com/init:1"}
      containers:
` + strings.Repeat("        - {name: web, image: \"example.com/web:1\", imagePullPolicy: "+policy+"}\n", 11))}
	}
	hits := slices.Concat(
		check(t, helm.Source{Path: "chart", Environment: "prod"}, deployment("shop", "Always")),
		check(t, helm.Source{Path: "chart", Environment: "dev"}, deployment("shop", "Never")),
		check(t, helm.Source{Path: "chart"}, deployment("shop", "Always"), deployment("other", "Always"), deployment("shop", "Always")),
	)
	const at, unset = "pull-policy-not-always chart/templates/deployment.yaml ", `Containers[init].imagePullPolicy exact=false
  imagePullPolicy is not set and the tag 1 makes it IfNotPresent: a node that already has the image starts it without asking the registry
`
	expect(t, show(NewReport(hits, nil, nil).Findings), at+`spec.template.spec.containers[web].imagePullPolicy exact=false
  imagePullPolicy is Never: a node never asks the registry and starts only an image that it already has
`+containers("dev", 11)+at+"spec.template.spec.init"+unset+`  - chart() Deployment/other/web init spec.template.spec.initContainers[0].imagePullPolicy example.com/init:1 IfNotPresent
`+at+"spec.template.spec.init"+unset+`  - chart() Deployment/shop/web init spec.template.spec.initContainers[0].imagePullPolicy example.com/init:1 IfNotPresent
  - chart(dev) Deployment/shop/web init spec.template.spec.initContainers[0].imagePullPolicy example.com/init:1 IfNotPresent
  - chart(prod) Deployment/shop/web init spec.template.spec.initContainers[0].imagePullPolicy example.com/init:1 IfNotPresent
`)
}

// TestInexactFindingsAreGroupedByLine: a line that writes several policies is one finding. It hides neither the
// finding of another line nor a finding without a line.
func TestInexactFindingsAreGroupedByLine(t *testing.T) {
	source := helm.Source{Path: "chart"}
	var hits []Hit
	for i, decision := range []yamldoc.Location{{Line: 8, Column: 5}, {Line: 11, Column: 5}, {}, {Line: 8, Column: 5}, {Line: 11, Column: 5}} {
		decision.Path = "chart/templates/pods.yaml"
		text := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: web%d}\nspec: {containers: [{name: c%d, image: 'x:1'}]}\n", i/3, i)
		hit := check(t, source, render.Document{Path: decision.Path, Text: []byte(text)})[0]
		hit.Decision, hit.Exact = yamldoc.Location{Path: decision.Path, Line: decision.Line, Column: decision.Column, Key: hit.Decision.Key}, i == 4
		hits = append(hits, hit)
	}
	var got []string
	for _, f := range NewReport(hits, nil, nil).Findings {
		one := fmt.Sprintf("%d exact=%v:", f.Decision.Line, f.Exact)
		for _, a := range f.Affected {
			one += " " + a.Container
		}
		got = append(got, one)
	}
	if want := []string{"0 exact=false: c2", "8 exact=false: c0 c3", "11 exact=false: c1", "11 exact=true: c4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// containers are the lines of affected containers that TestTemplateIsOneFindingForAllEnvironments expects,
// containers[2] before containers[10].
func containers(environment string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  - chart(%s) Deployment/shop/web web spec.template.spec.containers[%d].imagePullPolicy example.com/web:1 Never\n", environment, i)
	}
	return b.String()
}

// TestObjectsOfOneNameHaveOwnFingerprints: containers with the same rule, path, key and object are different findings.
// The fingerprint of the first finding does not change when an object comes after it.
func TestObjectsOfOneNameHaveOwnFingerprints(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {generateName: web-}\nspec: {containers: [{image: 'x:1'}]}\n---\n"
	alone := NewReport(file(t, "app.yaml", pod), nil, nil).Findings
	findings := NewReport(file(t, "app.yaml", pod+"# more\n"+pod+pod), nil, nil).Findings
	expect(t, show(findings), show(alone)+strings.Replace(show(alone), ":4:", ":10:", 1)+strings.Replace(show(alone), ":4:", ":15:", 1))
	if len(findings) != 3 {
		t.FailNow()
	}
	if findings[0].Fingerprint != alone[0].Fingerprint {
		t.Error("the fingerprint of the first changed")
	}
	if findings[1].Fingerprint == findings[0].Fingerprint || findings[2].Fingerprint == findings[0].Fingerprint || findings[2].Fingerprint == findings[1].Fingerprint {
		t.Error("some have the same fingerprint")
	}
	if again := NewReport(file(t, "app.yaml", pod+pod), nil, nil).Findings; again[1].Fingerprint != findings[1].Fingerprint {
		t.Error("the fingerprint of the second changed with its line")
	}
}

// TestKeyNamesListItems: a key names a list item by its name, if the item has one, so that the key stays the same when
// other items are added. It leads to the field that has the policy.
func TestKeyNamesListItems(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: x, imagePullPolicy: Always}, {name: api, image: x}]}", "spec.containers[api].imagePullPolicy"},
		{"apiVersion: v1\nkind: Pod\nspec: {containers: [{image: x}]}", "spec.containers[0].imagePullPolicy"},
		{"apiVersion: v1\nkind: Pod\nspec: {volumes: [{name: v, image: {reference: x}}]}", "spec.volumes[v].image.pullPolicy"},
		{"apiVersion: tekton.dev/v1\nkind: Task\nspec: {stepTemplate: {imagePullPolicy: Never}, steps: [{name: s, image: x}]}", "spec.stepTemplate.imagePullPolicy"},
		{"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: {templates: [{name: main, container: {image: x}}]}", "spec.templates[main].container.imagePullPolicy"},
		{
			"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: {templateDefaults: {sidecars: [{name: s, imagePullPolicy: Never}]}, templates: [{name: main, sidecars: [{name: s, image: x}]}]}",
			"spec.templateDefaults.sidecars[s].imagePullPolicy",
		},
		{"apiVersion: redis.redis.opstreelabs.in/v1beta2\nkind: Redis\nspec: {sidecars: [{name: s, image: x}]}", "spec.sidecars[s].imagePullPolicy"},
	} {
		if findings := NewReport(file(t, "app.yaml", test.text), nil, nil).Findings; len(findings) != 1 || findings[0].Decision.Key != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.text, show(findings), test.want)
		}
	}
}

// TestFingerprintHoldsNoLine: the fingerprint of a finding changes with path, object and key, and not with the line.
func TestFingerprintHoldsNoLine(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: prod}\nspec:\n  containers:\n    - {image: 'x:1', imagePullPolicy: Never}\n"
	fingerprint := func(path, text string) string {
		t.Helper()
		findings := NewReport(file(t, path, text), nil, nil).Findings
		if len(findings) != 1 {
			t.Fatalf("got %s", show(findings))
		}
		return findings[0].Fingerprint
	}
	want := fingerprint("app.yaml", pod)
	if want != "cce8cd7909149a2cfd389acbd5a5fd0e" {
		t.Errorf("the fingerprint is %s: people have it in their baselines", want)
	}
	for name, text := range map[string]string{
		"lines above":      "# more\n\n---\n" + pod,
		"another position": strings.Replace(pod, "{image", "   {   image", 1),
		"another message":  strings.Replace(pod, "Never", "IfNotPresent", 1),
		"another version":  strings.Replace(pod, "x:1", "x:2", 1),
	} {
		if got := fingerprint("app.yaml", text); got != want {
			t.Errorf("%s: the fingerprint changed", name)
		}
	}
	for name, text := range map[string]string{
		"another rule":      strings.Replace(pod, "Never", "never", 1),
		"another kind":      strings.Replace(pod, "Pod", "Pot", 1),
		"another name":      strings.Replace(pod, "web", "api", 1),
		"another namespace": strings.Replace(pod, "prod", "dev", 1),
		"another field":     strings.Replace(pod, "containers", "initContainers", 1),
	} {
		if got := fingerprint("app.yaml", text); got == want {
			t.Errorf("%s: the fingerprint did not change", name)
		}
	}
	if fingerprint("other.yaml", pod) == want {
		t.Error("another path: the fingerprint did not change")
	}
}

// TestReportJSON holds the names and the order of the fields, on which other programs rely.
func TestReportJSON(t *testing.T) {
	hits := append(
		file(t, "app.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n    - {name: web, image: 'x:1', imagePullPolicy: Never}\n"),
		check(t, helm.Source{Path: "chart", Environment: "prod"}, render.Document{
			Path: "chart/templates/pod.yaml",
			Text: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: prod}\nspec: {volumes: [{name: v, image: {reference: x}}]}\n"),
		})...)
	report := NewReport(hits,
		[]Failure{{Source: "charts/worker", Message: "broken", Location: yamldoc.Location{Path: "charts/worker/Chart.yaml", Line: 8}, Hint: "mend it"}},
		[]SourceStatus{
			{Path: "chart", Kind: render.Helm, Environment: "prod", Status: Rendered, Containers: 1},
			{Path: "app.yaml", Kind: render.Raw, Status: Rendered, Containers: 1},
			{Path: "chart", Kind: render.Helm, Status: Skipped, Reason: "needs values"},
			{Path: "charts/worker", Kind: render.Helm, Status: Failed, Reason: "broken"},
		})
	got, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestEmptyReportHasEmptyLists: the lists of a report without findings are [] in JSON, and not null.
func TestEmptyReportHasEmptyLists(t *testing.T) {
	got, err := json.Marshal(NewReport(nil, nil, nil))
	const want = `{"version":1,"findings":[],"failures":[],"suppressed":[],"sources":[]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// TestReportDoesNotDependOnTheOrder: a report is the same in whatever order sources were rendered.
func TestReportDoesNotDependOnTheOrder(t *testing.T) {
	var hits []Hit
	var failures []Failure
	var sources []SourceStatus
	for i := range 5 {
		for _, environment := range []string{"", "prod", "dev"} {
			source := helm.Source{Path: fmt.Sprint("chart", i%2), Environment: environment}
			for j := range 12 {
				pod := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: web%d}\nspec: {containers: [{image: 'x:%d'}, &p {image: 'y:1'}], initContainers: [*p]}\n", j%3, i)
				hits = append(hits, check(t, source, render.Document{Path: "t.yaml", Text: []byte(pod), Verbatim: j%2 == 0})...)
			}
			failures = append(failures, Failure{Source: source.Path, Environment: environment, Message: fmt.Sprint(i)})
			sources = append(sources, SourceStatus{Path: source.Path, Environment: environment, Kind: []render.Kind{render.Helm, render.Kustomize}[i%2]})
		}
	}
	sources = slices.Compact(sources)
	want, _ := json.Marshal(NewReport(hits, failures, nil))
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		random.Shuffle(len(hits), func(i, j int) { hits[i], hits[j] = hits[j], hits[i] })
		random.Shuffle(len(failures), func(i, j int) { failures[i], failures[j] = failures[j], failures[i] })
		random.Shuffle(len(sources), func(i, j int) { sources[i], sources[j] = sources[j], sources[i] })
		report := NewReport(hits, failures, sources)
		if !slices.IsSortedFunc(report.Sources, func(a, b SourceStatus) int {
			return strings.Compare(a.Path+" "+a.Environment, b.Path+" "+b.Environment)
		}) {
			t.Fatalf("sources are not sorted: %+v", report.Sources)
		}
		report.Sources = []SourceStatus{}
		if got, _ := json.Marshal(report); string(got) != string(want) {
			t.Fatalf("got:\n%s\nwant:\n%s", got, want)
		}
	}
}

// TestFixProblem: the reason why there is no fix is part of the text, and is kept for the findings that are left.
func TestFixProblem(t *testing.T) {
	before := &Report{Findings: []Finding{{Fingerprint: "1", Message: "m", FixProblem: "nobody can"}, {Fingerprint: "2", Message: "m"}}}
	after := &Report{Findings: []Finding{{Fingerprint: "2", Message: "m"}, {Fingerprint: "1", Message: "m"}, {Fingerprint: "3", Message: "m", FixProblem: "new"}}}
	after.KeepFixProblems(before)
	var got []string
	for _, f := range after.Findings {
		got = append(got, f.Text())
	}
	expect(t, strings.Join(got, "\n"), "m\nm (no fix: nobody can)\nm (no fix: new)")
}
