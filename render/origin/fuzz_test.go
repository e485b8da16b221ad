package origin

import (
	"slices"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// FuzzSites looks for sites in any template, values file or flag, and holds that each is within the text, has the value
// that stands there, and has a location in the text.
func FuzzSites(f *testing.F) {
	for _, text := range []string{
		"containers:\n- image: \"example/a:1\"\n  imagePullPolicy: {{ .Values.image.pullPolicy | default \"IfNotPresent\" }}\n", "{{ with .Values.a }}imagePullPolicy: {{ .pullPolicy }}{{ end }}", "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}",
		"image:\n  pullPolicy: &a IfNotPresent\nb: *a\n<<: {pullPolicy: 'IfNotPresent'}\n", `{"imagePullPolicy": "IfNotPresent", "replicas": 80}`, "a.pullPolicy=IfNotPresent,b={IfNotPresent}", "imagePullPolicy:\n", "{{ $x := dict \"pullPolicy\" \"IfNotPresent\" }}{{ $x.pullPolicy }}{{ (.a).b }}{{ index . \"pullPolicy\" }}",
		"a: |\n  imagePullPolicy: IfNotPresent\n", "POLICY=IfNotPresent", "{{", "replicas: 80 # 80\n", "é: IfNotPresent # é\r\nreplicas: !!int 80\r\n", "imagePullPolicy: \"If\\x4eotPresent\"", "- {image: a, imagePullPolicy: IfNotPresent}", "&a {imagePullPolicy: *a}",
	} {
		for use := range uint8(render.UseDeclaration + 1) {
			f.Add([]byte(text), use)
		}
	}
	roots, err := yamldoc.Parse([]byte("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {replicas: 80, containers: [{image: 'example/a:1', imagePullPolicy: IfNotPresent}, {image: 'example/b:2'}]}\n"))
	if err != nil {
		f.Fatal(err)
	}
	manifest := &render.Manifest{Document: &render.Document{Path: "a.yaml"}, Kind: "Pod", Name: "a", Node: roots[0]}
	var queries []*query
	for _, field := range []string{"spec.replicas", "spec.containers[0].imagePullPolicy", "spec.containers[1].imagePullPolicy"} {
		path, err := yamldoc.ParsePath(field)
		if err != nil {
			f.Fatal(err)
		}
		sibling := append(slices.Clone(path[:len(path)-1]), yamldoc.Key("image"))
		value, _ := yamldoc.Lookup(manifest.Node, path)
		q := &query{Query: Query{Manifest: manifest, Path: path, SiblingField: sibling, Replacement: "Always"}}
		if value != nil {
			q.value = value.Value
		}
		queries = append(queries, q)
	}
	f.Fuzz(func(t *testing.T, data []byte, use uint8) {
		in := &Input{Input: render.Input{Path: "a.yaml", Use: render.Use(use), Data: data}}
		for _, s := range findSites(in, newTargets(queries, nil)).sites {
			if s.Start < 0 || s.End < s.Start || s.End > len(data) || s.SpanStart < 0 || s.SpanEnd > len(data) || s.hasSpan() && s.SpanEnd < s.SpanStart {
				t.Fatalf("%q: a site from %d to %d, shown from %d to %d", data, s.Start, s.End, s.SpanStart, s.SpanEnd)
			}
			s.Location()
			if s.Kind == ValueSite && s.encode != nil {
				checkStands(t, s, string(data[s.Start:s.End]))
			}
		}
	})
}

// checkStands holds that the value of a site is what stands there, apart from its quotes.
func checkStands(t *testing.T, s *Site, stands string) {
	t.Helper()
	var value yaml.Node
	if stands == s.Value || yaml.Unmarshal([]byte(stands), &value) != nil || len(value.Content) != 1 || value.Content[0].Kind != yaml.ScalarNode {
		return // A part of a value on several lines is no YAML.
	}
	if got := value.Content[0].Value; got != s.Value && s.Input.Use != render.UseTemplate && s.Input.Use != render.UseChartFile {
		t.Errorf("%q: %q stands at the site of %q", s.Input.Data, stands, s.Value)
	}
}
