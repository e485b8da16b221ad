package kustomize

import (
	"context"
	"sync"
	"testing"

	"github.com/pullcheck/pullcheck/render"
)

// TestOwnSchemaDoesNotReachOtherBuilds builds kustomizations with and without a schema of their own at the same time. With the
// built-in schema, a patch merges the containers of the Deployment by name, and replaces the containers of the App, which is
// not in the schema. The kustomization's own schema has only the App, so the patch merges the App and replaces the rest.
func TestOwnSchemaDoesNotReachOtherBuilds(t *testing.T) {
	const files = `
-- plain/kustomization.yaml --
resources: [../base]
-- base/kustomization.yaml --
resources: [app.yaml, deployment.yaml]
patches: [{path: app-patch.yaml}, {path: deployment-patch.yaml}]
-- base/app.yaml --
apiVersion: example.com/v1
kind: App
metadata: {name: app}
spec: {containers: [{name: a, image: a}, {name: b, image: b}]}
-- base/app-patch.yaml --
apiVersion: example.com/v1
kind: App
metadata: {name: app}
spec: {containers: [{name: b, image: patched}]}
-- base/deployment.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec: {template: {spec: {containers: [{name: a, image: a}, {name: b, image: b}]}}}
-- base/deployment-patch.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec: {template: {spec: {containers: [{name: b, image: patched}]}}}
-- own/kustomization.yaml --
resources: [../middle]
-- middle/kustomization.yaml --
resources: [../base]
openapi: {path: schema.json}
-- middle/schema.json --
{"definitions": {"com.example.v1.App": {
  "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "App"}],
  "properties": {"spec": {"properties": {"containers": {
    "type": "array", "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name", "items": {"type": "object"}}}}}}}}
`
	want := map[string]string{
		"plain": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  template:
    spec:
      containers:
      - image: patched
        name: b
      - image: a
        name: a
---
apiVersion: example.com/v1
kind: App
metadata:
  name: app
spec:
  containers:
  - image: patched
    name: b
`,
		"own": `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  template:
    spec:
      containers:
      - image: patched
        name: b
---
apiVersion: example.com/v1
kind: App
metadata:
  name: app
spec:
  containers:
  - image: patched
    name: b
  - image: a
    name: a
`,
	}
	var builds sync.WaitGroup
	for range 4 {
		for path, want := range want {
			builds.Go(func() {
				result, err := Source{Engine: new(Engine), Path: path}.Render(context.Background(), render.In{Tree: treeOf(files)})
				if err != nil || string(result.Text) != want {
					t.Errorf("%s: got %v\n%s\nwant\n%s", path, err, result.Text, want)
				}
			})
		}
	}
	builds.Wait()
}

// TestPanicRestoresTheSchema: a panic of kustomize must not keep the lock of the schema.
func TestPanicRestoresTheSchema(t *testing.T) {
	for _, own := range []bool{true, false} {
		func() {
			defer func() { _ = recover() }()
			_ = withSchema(own, func() error { panic("kustomize") })
		}()
	}
	ran := false
	if err := withSchema(true, func() error { ran = true; return nil }); err != nil || !ran {
		t.Error("the schema cannot be had any more", err)
	}
}
