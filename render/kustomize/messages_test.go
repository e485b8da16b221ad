package kustomize

import (
	"context"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render"
)

const configMap = `
apiVersion: v1
kind: ConfigMap
metadata: {name: app}
`

func TestErrorsNameTheFileAndTheEntry(t *testing.T) {
	tests := []struct {
		name, tree, want string
	}{
		{"no such directory", `-- a --`,
			`app: kustomization: open app: file does not exist`},
		{"a file", "-- app --\n",
			`app: kustomization: a kustomization is a directory with a kustomization.yaml`},
		{"no kustomization", `-- app/x --`,
			`app: kustomization: the directory has no kustomization.yaml`},
		{"missing file", `
-- app/kustomization.yaml --
resources:
- deployment.yaml
`, `app/kustomization.yaml:2:3: resources: deployment.yaml: there is no app/deployment.yaml`},
		{"missing base of a base", `
-- app/kustomization.yaml --
resources: [../base]
-- base/kustomization.yaml --
resources: [../common]
`, `base/kustomization.yaml:1:13: resources: ../common: there is no common`},
		{"base without kustomization", `
-- app/kustomization.yaml --
resources: [../base]
-- base/deployment.yaml --
`, `app/kustomization.yaml:1:13: resources: ../base: the directory has no kustomization.yaml`},
		{"directory for a file", `
-- app/kustomization.yaml --
patches: [{path: patches}]
-- app/patches/a.yaml --
`, `app/kustomization.yaml:1:18: patches.path: patches: it is a directory, and this field takes files`},
		{"file for a directory", `
-- app/kustomization.yaml --
components: [a.yaml]
-- app/a.yaml --
`, `app/kustomization.yaml:1:14: components: a.yaml: it is a file, and this field takes directories`},
		{"component among resources", `
-- app/kustomization.yaml --
resources: [../base]
-- base/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: []
`, `app/kustomization.yaml:1:13: resources: ../base: its kind is Component, which this field does not take`},
		{"broken YAML", `
-- app/kustomization.yaml --
resources:
- a
 b: c
`, `app/kustomization.yaml:3:2: mapping values are not allowed in this context`},
		{"unknown field", `
-- app/kustomization.yaml --
resources: []
resource: [a.yaml]
`, `app/kustomization.yaml:2:1: unknown field "resource"
hint: see https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/ for the fields of a kustomization`},
		{"wrong type", `
-- app/kustomization.yaml --
namePrefix: x
patches: [a.yaml]
`, `app/kustomization.yaml:2:1: patches has a string in the place of a Patch`},
		{"wrong kind", `
-- app/kustomization.yaml --
kind: Kustomize
resources: []
`, `app/kustomization.yaml: kind should be Kustomization or Component`},
		{"empty", `
-- app/kustomization.yaml --
# resources: []
`, `app/kustomization.yaml: the kustomization is empty
hint: name something in resources, or remove the file`},
		{"two kustomizations", `
-- app/kustomization.yaml --
resources: []
-- app/Kustomization --
resources: []
`, `app/Kustomization: the directory has another kustomization file, kustomization.yaml
hint: remove one of the two`},
		{"cycle", `
-- app/kustomization.yaml --
resources: [../base]
-- base/kustomization.yaml --
resources: [../app]
`, `base/kustomization.yaml:1:13: resources: ../app: this is a cycle: app leads here`},
		{"base above", `
-- app/kustomization.yaml --
resources: [..]
-- kustomization.yaml --
namespace: a
`, `app/kustomization.yaml:1:13: resources: ..: this is a cycle: app leads here`},
		{"load restrictor", `
-- app/kustomization.yaml --
configMapGenerator:
- name: a
  files: [key=../shared/a.txt]
-- shared/a.txt --
`, `app/kustomization.yaml:3:11: configMapGenerator.files: ../shared/a.txt: the file is not in or below app, as kustomize wants it
hint: --load-restrictor LoadRestrictionsNone allows it`},
		{"load restrictor, by a symbolic link", `
-- app/kustomization.yaml --
resources: [a.yaml]
-- app/a.yaml -> ../shared/a.yaml --
-- shared/a.yaml --
`, `app/kustomization.yaml:1:13: resources: a.yaml: the file is not in or below app, as kustomize wants it
hint: --load-restrictor LoadRestrictionsNone allows it`},
		{"out of the tree", `
-- app/kustomization.yaml --
resources: [../../other]
`, `app/kustomization.yaml:1:13: resources: ../../other: leads out of the tree
hint: run pullcheck on a directory that holds all that the kustomization names`},
		{"out of the tree, by a symbolic link", `
-- app/kustomization.yaml --
resources: [a.yaml]
-- app/a.yaml -> /etc/passwd --
`, `app/kustomization.yaml:1:13: resources: a.yaml: leads out of the tree: app/a.yaml is a symbolic link to /etc/passwd
hint: run pullcheck on a directory that holds all that the kustomization names`},
		{"absolute path", `
-- app/kustomization.yaml --
resources: [/etc/kubernetes]
`, `app/kustomization.yaml:1:13: resources: /etc/kubernetes: it is an absolute path, where one relative to the kustomization is wanted`},
		{"no URL of a repository", `
-- app/kustomization.yaml --
resources: [s3://bucket/base]
`, `app/kustomization.yaml:1:13: resources: s3://bucket/base: it is no URL of a git repository: it has none of the schemes https, http, ssh and file`},
		{"patch without target", `
-- app/kustomization.yaml --
resources: [../base]
-- base/kustomization.yaml --
resources: [a.yaml]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: app, namespace: prod}
-- base/a.yaml --` + configMap,
			`base/kustomization.yaml: no resource matches strategic merge patch "Deployment.v1.apps/app.prod": no matches for Id Deployment.v1.apps/app.prod
hint: a patch names an object as it is before this kustomization changes it: apiVersion, kind, name and namespace`},
		{"JSON patch of a component that does not apply", `
-- app/kustomization.yaml --
resources: [a.yaml]
components: [component]
-- app/component/kustomization.yaml --
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- target: {kind: ConfigMap}
  patch: '[{"op": "replace", "path": "/data/x", "value": "1"}]'
-- app/a.yaml --` + configMap,
			`app/component/kustomization.yaml: replace operation does not apply: doc is missing path: /data/x: missing value`},
		{"broken patch", `
-- app/kustomization.yaml --
resources: [a.yaml]
patches: [{path: patch.yaml}]
-- app/a.yaml --` + configMap + `
-- app/patch.yaml --
kind: ConfigMap
metadata: [
`, `app/patch.yaml:2:1: did not find expected node content`},
		{"broken patch after an empty one", `
-- app/kustomization.yaml --
resources: [a.yaml]
patches: [{path: empty.yaml, target: {kind: ConfigMap}}, {path: patch.yaml}]
-- app/a.yaml --` + configMap + `
-- app/empty.yaml --

-- app/patch.yaml --
kind: [
`, `app/patch.yaml:1:1: did not find expected node content`},
		{"a directory named as ours", `
-- app/kustomization.yaml --
resources: [../.pullcheck~/7]
-- .pullcheck~/7/kustomization.yaml --
resources: [a.yaml]
`, `.pullcheck~/7/kustomization.yaml:1:13: resources: a.yaml: there is no .pullcheck~/7/a.yaml`},
		{"broken resource, in its second document", `
-- app/kustomization.yaml --
resources: [../base]
-- base/kustomization.yaml --
resources: [a.yaml]
-- base/a.yaml --` + configMap + `---
apiVersion: v1
kind: [
`, `base/a.yaml:6:1: did not find expected node content`},
		{"broken configuration", `
-- app/kustomization.yaml --
configurations: [a.yaml]
-- app/a.yaml --
images:
- path: [
`, `app/a.yaml:2:1: did not find expected node content`},
		{"resource without kind", `
-- app/kustomization.yaml --
resources: [a.yaml]
-- app/a.yaml --
apiVersion: v1
metadata: {name: a}
`, `app/kustomization.yaml:1:13: a.yaml: missing kind in object {{v1 } {{a } map[] map[]}}`},
		{"an object twice", `
-- app/kustomization.yaml --
resources: [a.yaml, b.yaml]
-- app/a.yaml --` + configMap + `-- app/b.yaml --` + configMap,
			`app/kustomization.yaml:1:21: b.yaml: may not add resource with an already registered id: ConfigMap.v1/app
hint: two entries define this object: remove one, or make it a patch`},
		{"nothing to merge into", `
-- app/kustomization.yaml --
configMapGenerator: [{name: a, behavior: merge}]
`, `app/kustomization.yaml: id ConfigMap a does not exist; cannot merge or replace`},
		{"function", `
-- app/kustomization.yaml --
transformers:
- function.yaml
-- app/function.yaml --
apiVersion: example.com/v1
kind: SetPolicy
metadata:
  name: a
  annotations:
    config.kubernetes.io/function: |
      container: {image: example.com/set-policy}
`, `app/kustomization.yaml:2:3: transformers: SetPolicy is a function or plugin, which pullcheck does not run
hint: check what kustomize makes of it: kustomize build --enable-alpha-plugins app | pullcheck check -`},
		{"inline plugin", `
-- app/kustomization.yaml --
generators:
- |
  apiVersion: example.com/v1
  kind: Database
  metadata: {name: a}
`, `app/kustomization.yaml:2:3: generators: Database is a function or plugin, which pullcheck does not run
hint: check what kustomize makes of it: kustomize build --enable-alpha-plugins app | pullcheck check -`},
		{"plugin of a kustomization", `
-- app/kustomization.yaml --
validators: [validators]
-- app/validators/kustomization.yaml --
resources: [a.yaml]
-- app/validators/a.yaml --
apiVersion: example.com/v1
kind: Policy
metadata: {name: a}
`, `app/kustomization.yaml: plugin: Policy is a function or plugin, which pullcheck does not run
hint: check what kustomize makes of it: kustomize build --enable-alpha-plugins app | pullcheck check -`},
		{"remote file in a plugin", `
-- app/kustomization.yaml --
transformers: [a.yaml]
-- app/a.yaml --
apiVersion: builtin
kind: PatchTransformer
metadata: {name: a}
path: https://example.com/patch.yaml
`, `app/kustomization.yaml:1:16: transformers: PatchTransformer a: https://example.com/patch.yaml is fetched by the fields of a kustomization only
hint: configure it in the kustomization itself, or name a copy of the file`},
		{"broken schema", `
-- app/kustomization.yaml --
resources: [../base]
-- base/kustomization.yaml --
resources: [a.yaml]
openapi: {path: schema.yaml}
patches: [{patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: app}}"}]
-- base/a.yaml --` + configMap + `
-- base/schema.yaml --
definitions: [
`, `base/schema.yaml:1:1: did not find expected node content`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wantError(t, engine(t), treeOf(strings.TrimPrefix(test.tree, "\n")), test.want)
		})
	}
}

// TestErrorOutsideTheDirectoryNamesItsKustomization: without the load restrictor, kustomize reports a base that is not a
// file in other words.
func TestErrorOutsideTheDirectoryNamesItsKustomization(t *testing.T) {
	source := Source{Path: "app", Options: Options{LoadRestrictionsNone: true}}
	_, err := engine(t).Render(context.Background(), render.In{Tree: treeOf(`
-- app/kustomization.yaml --
resources: [../base]
-- base/kustomization.yaml --
resources: [../a.yaml, ../a.yaml]
-- a.yaml --` + configMap)}, source)
	want := "base/kustomization.yaml:1:13: ../a.yaml: may not add resource with an already registered id: ConfigMap.v1/app"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
