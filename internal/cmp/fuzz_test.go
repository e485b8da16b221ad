package cmp

import (
	"encoding/json"
	"testing"

	"github.com/pullcheck/pullcheck/render/argocd"
)

// FuzzParameters holds that any parameters of the plugin are refused, or become options of a source. The policy is never
// weaker than the parameters say.
func FuzzParameters(f *testing.F) {
	for _, text := range []string{
		``, `[]`, `[{"name":"mode","string":"warn"},{"name":"failOn","string":"never"}]`, `[{"name":"mode","array":["warn"]}]`,
		`[{"name":"valueFiles","array":["a.yaml"]},{"name":"parameters","map":{"a.b":"1"}},{"name":"values","string":"a: &a [*a]"}]`,
		`[{"name":"patches","string":"- patch: a"},{"name":"images","array":["a=b:c@d"]},{"name":"replicas","map":{"a":"x"}},{"name":"commonLabels","map":{"a":"b"}}]`,
		`[{"name":"recurse","string":"true"},{"name":"include","string":"[a"}]`, `[{"name":"mode","string":null}]`, `{"a":`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ReadEnvironment([]string{"ARGOCD_APP_PARAMETERS=" + text, "ARGOCD_APP_NAME=a_b"})
		if err != nil {
			return
		}
		mode, failOn, rest, err := ReadPolicy(e.Parameters)
		if err != nil {
			return
		}
		asked := false
		for _, p := range e.Parameters {
			asked = asked || p.Name == "mode" || p.Name == "failOn"
		}
		if !asked && (mode != Enforce || failOn.String() != Policy[1].String) {
			t.Errorf("%s gives the mode %s and fails on %s", text, mode, failOn)
		}
		for _, path := range []string{"charts/api", "overlays/web", "manifests"} {
			source, err := WithParameters(pluginTree, argocd.Source{RepoURL: "https://example.com/a", Path: path}, rest)
			if err != nil {
				continue
			}
			if _, err := json.Marshal(source); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			if resolved, err := e.App.Resolve(pluginTree, source); (resolved == nil) != (err != nil) {
				t.Errorf("%s: the source is %v, and the error %v", text, resolved, err)
			}
		}
	})
}
