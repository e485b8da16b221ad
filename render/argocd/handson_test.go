package argocd

import (
	"testing"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

func TestHandsOnIsTrueForOptionsOfASource(t *testing.T) {
	for _, test := range []struct {
		apiVersion, kind, path string
		want                   bool
	}{
		{"argoproj.io/v1alpha1", "Application", "spec.source.helm.values", true},
		{"argoproj.io/v1alpha1", "Application", "spec.sources[0].kustomize.images[0]", true},
		{"argoproj.io/v1alpha1", "ApplicationSet", "spec.generators[0].list.elements[0].policy", true},
		{"argoproj.io/v1alpha1", "Application", "spec.source.repoURL", false},
		{"argoproj.io/v1alpha1", "Workflow", "spec.plugin", false},
		{"v1", "Pod", "spec.helm", false},
	} {
		path, err := yamldoc.ParsePath(test.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := (Declarer{}).HandsOn(render.Manifest{APIVersion: test.apiVersion, Kind: test.kind}, path); got != test.want {
			t.Errorf("%s %s: got %v, want %v", test.kind, test.path, got, test.want)
		}
	}
}
