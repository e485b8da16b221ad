package lookup

import (
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// FuzzFind holds that any query for any manifests is refused, or leads to a scalar or to a place for one.
func FuzzFind(f *testing.F) {
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: b, image: c}, &d {name: e}, *d], f: ~}\n"
	for _, query := range []string{"spec.containers[0].image", "spec.containers[e].imagePullPolicy", "spec", "spec.f", "spec.f.g", "spec.containers[2].name", "[", ""} {
		f.Add(pod, "po/a", query)
	}
	f.Add("&a {apiVersion: v1, kind: Pod, <<: *a}", "pods/", "a")
	f.Fuzz(func(t *testing.T, text, object, field string) {
		result := render.Result{Documents: []render.Document{{Path: "a.yaml", Text: []byte(text)}}}
		manifests, err := result.Manifests(func([]byte) bool { return true })
		if err != nil {
			return
		}
		manifest, path, err := Query{object, field, "a.yaml"}.Find(manifests)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		value, holder := yamldoc.Lookup(manifest.Node, path)
		if value = yamldoc.Resolve(value); value != nil && value.Kind != yaml.ScalarNode || value == nil && (holder == nil || holder.Kind != yaml.MappingNode) {
			t.Errorf("%s of %q leads to %v in %v", field, text, value, holder)
		}
		siblingField(manifest, path)
		if value != nil && replacement(value.Value) == value.Value {
			t.Errorf("the replacement of %q is the same", value.Value)
		}
	})
}
