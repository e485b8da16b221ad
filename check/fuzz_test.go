package check

import (
	"reflect"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// FuzzRun checks any text as a manifest file: nothing panics, what is found has the place it is written
// at, and a second look sees the same.
func FuzzRun(f *testing.F) {
	f.Fuzz(fuzzRun)
}

func fuzzRun(t *testing.T, content string) {
	result := render.Result{Documents: []render.Document{{Path: "app.yaml", Text: []byte(content), Verbatim: true}}}
	manifests, err := result.Manifests(everything)
	if err != nil {
		return
	}
	var source raw.Source
	hits, containers := Run(source, manifests)
	if containers > 0 && !MayHoldContainers([]byte(content)) {
		t.Errorf("%d containers where there may be none", containers)
	}
	if len(hits) > containers {
		t.Errorf("%d hits in %d containers", len(hits), containers)
	}
	if again, _ := Run(source, manifests); !reflect.DeepEqual(hits, again) {
		t.Errorf("got %+v, then %+v", hits, again)
	}
	for _, hit := range hits {
		if hit.Affected.Field == "" || hit.Message == "" || hit.Decision.Path != "app.yaml" {
			t.Errorf("an incomplete hit: %+v", hit)
		}
	}
	if findings := NewReport(hits, nil, nil).Findings; (len(findings) == 0) != (len(hits) == 0) {
		t.Errorf("%d findings of %d hits", len(findings), len(hits))
	}
	places := yamldoc.NewText([]byte(content))
	for _, manifest := range manifests {
		for _, c := range Containers(manifest) {
			policy, _ := yamldoc.Lookup(manifest.Node, c.Field)
			if got := policyText(yamldoc.Resolve(policy)); got != c.Written {
				t.Errorf("%s leads to %q, want %q", c.Field, got, c.Written)
			}
			checkSpan(t, content, places, policy)
			image, _ := yamldoc.Lookup(manifest.Node, c.ImageField)
			checkSpan(t, content, places, image)
		}
	}
}

// checkSpan reads a scalar back from its place. Blocks, and what is folded over lines, end with their
// first line.
func checkSpan(t *testing.T, content string, places *yamldoc.Text, node *yaml.Node) {
	if node == nil || node.Kind != yaml.ScalarNode || node.Value == "" || strings.ContainsAny(node.Value, " \t\n\u0085\u2028\u2029") ||
		node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return
	}
	start, end, ok := places.Bounds(node)
	if !ok {
		return // UTF-16
	}
	written := content[start:end]
	value := written
	if node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		if err := yaml.Unmarshal([]byte(written), &value); err != nil {
			t.Errorf("%q stands at %+v: %v", written, places.Span(node), err)
		}
	}
	if value != node.Value {
		t.Errorf("%q stands at %+v, want %q", written, places.Span(node), node.Value)
	}
}
