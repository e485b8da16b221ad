package argocd

import (
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/kustomize"
)

// FuzzApplication holds that any Application or ApplicationSet declares sources, or says why it does not; that a source
// resolves, or says why it does not; and that what it resolves to is in the tree.
func FuzzApplication(f *testing.F) {
	const app = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: app}\nspec:\n"
	for _, spec := range []string{
		"  source: {repoURL: 'https://example.com/ours.git', path: chart, helm: {valueFiles: [prod.yaml, '/../x', '$ref/a'], parameters: [{name: a.b, value: 'c,d', forceString: true}], values: 'a: b', valuesObject: {c: [1]}, fileParameters: [{name: a, path: ../../x}], kubeVersion: v1.31.2-gke.1}}\n",
		"  source: {repoURL: 'https://example.com/ours.git', path: overlay, kustomize: {images: ['a=b:c'], replicas: [{name: a, count: '2'}], patches: [{patch: 'a: b', target: {kind: Pod}}], components: [../x], commonAnnotations: {a: $ARGOCD_APP_NAME}, commonAnnotationsEnvsubst: true}}\n",
		"  source: {repoURL: 'https://example.com/ours.git', path: manifests, directory: {recurse: true, include: '{*.yaml,[a', exclude: '**', jsonnet: {extVars: [{name: a}]}}}\n",
		"  sources: [{repoURL: 'https://example.com/ours.git', ref: ref}, {repoURL: 'https://example.com/charts', chart: ../x, targetRevision: '*', helm: {valueFiles: [$ref/../../etc/passwd]}}]\n",
		"  sourceHydrator: {drySource: {repoURL: 'https://example.com/ours.git', path: ../../..}}\n", "  source: {repoURL: 'https://example.com/ours.git', path: /chart, plugin: {name: x, parameters: [{name: a, array: [b]}]}}\n", "  source: []\n",
	} {
		f.Add(app + spec)
	}
	f.Add("kind: ApplicationSet\napiVersion: argoproj.io/v1alpha1\nspec:\n  generators: [{list: {elements: [{name: chart}]}}]\n  template: {metadata: {name: '{{name}}'}, spec: {source: {repoURL: 'https://example.com/ours.git', path: '{{name}}'}}}\n")
	charts := &chartrepo.Client{Dir: f.TempDir(), Offline: true}
	chart := &helm.Engine{Charts: charts}
	declarer := Declarer{
		IsThisRepository: isThisRepository, KubeVersion: "1.31", Helm: chart,
		Kustomize: &kustomize.Engine{Charts: charts, Helm: chart, Dir: f.TempDir(), Offline: true},
	}
	fsys := fstest.MapFS{
		"chart/Chart.yaml": {Data: []byte("name: api\nversion: 1.0.0\n")}, "chart/prod.yaml": {Data: []byte("a: 1\n")}, "chart/.argocd-source.yaml": {Data: []byte("helm: {parameters: [{name: a, value: b}]}\n")},
		"overlay/kustomization.yaml": {Data: []byte("resources: [../manifests/a.yaml]\n")}, "manifests/a.yaml": {Data: []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")},
	}
	f.Fuzz(func(t *testing.T, text string) {
		var object declared.Object
		if yaml.Unmarshal([]byte(text), &object) != nil || object == nil {
			return
		}
		for _, d := range declarer.Expand(fsys, "app.yaml", object) {
			if d.Name == "" || (d.Resolve == nil) == (d.Err == nil) {
				t.Fatalf("%q declares %+v", text, d)
			}
			if d.Resolve == nil {
				continue
			}
			source, err := d.Resolve(fsys)
			if (source == nil) != (err != nil) {
				t.Fatalf("%q resolves to %v, %v", text, source, err)
			}
			if err == nil {
				source.Reach(fsys)
				_, _ = source.Render(t.Context(), render.In{Tree: fsys})
			}
		}
	})
}

// FuzzKubeVersion holds that the version that Helm gets has numbers only.
func FuzzKubeVersion(f *testing.F) {
	for _, text := range []string{"v1.31.2-gke.100", "1.31+", "", "1", "1.x", "99999999999999999999.1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseKubeVersion(text)
		for _, r := range got {
			if r != '.' && (r < '0' || r > '9') {
				t.Errorf("%q becomes %q", text, got)
			}
		}
		if err == nil && (got == "") != (text == "") {
			t.Errorf("%q becomes %q", text, got)
		}
		_ = readBuildOptions(text, &kustomize.Options{})
		_ = escapeCommas(text)
	})
}

// FuzzSameRepository holds that neither the protocol nor the user of a URL matters, and that the host and the path do.
func FuzzSameRepository(f *testing.F) {
	for _, path := range []string{"a/b.git", "a/b/", "", "..", "%zz", "a:b", "é", "a?b", "a#b", "a@b", " "} {
		f.Add(path, "https://git.example.com/a")
	}
	f.Fuzz(func(t *testing.T, path, other string) {
		const host = "git.example.com"
		if strings.ContainsAny(path, "?#%:@ \t\r\n") || strings.ContainsFunc(path, unicode.IsSpace) || strings.ContainsFunc(path, unicode.IsControl) {
			return // They mean something else in one of the forms.
		}
		https := "https://user:secret@" + host + "/" + path
		for _, same := range []string{"ssh://git@" + host + "/" + path, "http://" + host + ":8080/" + path, strings.ToUpper(host) + ":" + path} {
			if !IsSameRepository(https, same) {
				t.Errorf("%q and %q are not the same", https, same)
			}
		}
		if IsSameRepository(https, "https://other.example.com/"+path) {
			t.Errorf("%q is on another host, too", https)
		}
		IsSameRepository(https, other)
	})
}
