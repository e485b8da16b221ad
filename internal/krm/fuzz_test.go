package krm

import (
	"bytes"
	"testing"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
)

// FuzzResourceList holds that any input is a ResourceList, is none, or is refused; and that the answer to a ResourceList
// is one again, with a result for each container with a finding.
func FuzzResourceList(f *testing.F) {
	for _, text := range []string{
		"", "&a {<<: *a}", "a", "kind: ResourceList\napiVersion: config.kubernetes.io/v9\n", "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: &a [*a]\n",
		`apiVersion: config.kubernetes.io/v1
kind: ResourceList
functionConfig: {kind: ConfigMap, data: {mutate: "true", failOn: error}}
results: [{message: a}]
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: a, annotations: {internal.config.kubernetes.io/path: a.yaml, config.kubernetes.io/index: "1"}}
  spec: {containers: [{name: a, image: a:1}, &b {name: b, image: b}, *b]}
`,
		`{"apiVersion": "config.kubernetes.io/v1beta1", "kind": "ResourceList", "functionConfig": {"spec": {"failOn": 1}}, "items": []}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		list, err := Read(input)
		if err != nil || list == nil {
			return
		}
		_, _ = list.Options()
		result := render.Result{Documents: []render.Document{{Path: "-", Text: input}}}
		manifests, err := result.Manifests(func([]byte) bool { return true })
		if err != nil {
			return
		}
		hits, _ := check.Run(raw.Source{Path: "-"}, manifests)
		answer, err := list.Answer(input, check.NewReport(hits, nil, nil))
		if err != nil {
			return
		}
		if len(hits) == 0 && !bytes.Equal(answer, input) {
			t.Errorf("%q becomes %q, without a finding", input, answer)
		}
		if again, err := Read(answer); err != nil || again == nil {
			t.Errorf("%q is answered by %q, which is no ResourceList: %v", input, answer, err)
		}
	})
}
