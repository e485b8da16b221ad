package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/yaml"
)

// TestEachRowFindsItsContainers builds an object from each row of the table and expects the containers that the row
// names.
func TestEachRowFindsItsContainers(t *testing.T) {
	for i := range customResources {
		row := &customResources[i]
		for _, kind := range row.kinds {
			for _, at := range row.at {
				t.Run(row.group+"/"+kind+"/"+at, func(t *testing.T) { testCustomResource(t, row, kind, at) })
			}
		}
	}
}

func testCustomResource(t *testing.T, row *customResource, kind, at string) {
	field, err := yamldoc.ParsePath(strings.ReplaceAll(at, "[]", "[0]") + "." + row.policy)
	if err != nil {
		t.Fatal(err)
	}
	image, fields := "example.com/app", map[string]string{}
	if row.tag != "" {
		image, fields[row.tag] = image+":1", "1"
	} else {
		image += ":1"
	}
	name := ""
	if strings.Contains(at, "[]") {
		name = "item"
	}
	if row.volume {
		name = "volume:" + name
	}
	for _, path := range row.images {
		fields[path] = strings.TrimSuffix(image, ":"+fields[row.tag])
		got := Containers(customObject(t, row, kind, at, fields))
		if want := (Container{Name: name, Field: field, Image: image, Default: row.unset, Effective: cmp.Or(row.unset, IfNotPresent)}); !same(got, want) {
			t.Errorf("%s without a policy: got %+v, want %+v", path, got, want)
		}
		fields[row.policy] = Never
		got = Containers(customObject(t, row, kind, at, fields))
		if want := (Container{Name: name, Field: field, Image: image, Written: Never, Default: row.unset, Effective: Never}); !same(got, want) {
			t.Errorf("%s with a policy: got %+v, want %+v", path, got, want)
		}
		delete(fields, path)
		delete(fields, row.policy)
	}
	got := Containers(customObject(t, row, kind, at, map[string]string{row.policy: Always}))
	if want := (Container{Name: name, Field: field, Written: Always, Default: row.unset, Effective: Always}); !same(got, want) {
		t.Errorf("a policy without an image: got %+v, want %+v", got, want)
	}
	empty := map[string]string{row.policy: ""}
	for _, path := range row.images {
		empty[path] = ""
	}
	if got := Containers(customObject(t, row, kind, at, empty)); len(got) != 0 {
		t.Errorf("neither image nor policy: got %+v, want nothing", got)
	}
}

func same(got []Container, want Container) bool {
	if len(got) != 1 {
		return false
	}
	c := got[0]
	return c.Name == want.Name && c.Field.String() == want.Field.String() && c.Image == want.Image && c.Written == want.Written &&
		c.Default == want.Default && c.Effective == want.Effective
}

// customObject returns an object that has fields, by their paths from the mapping at a path.
func customObject(t *testing.T, row *customResource, kind, at string, fields map[string]string) render.Manifest {
	t.Helper()
	object := map[string]any{"apiVersion": row.group + "/v1", "kind": kind, "metadata": map[string]any{"name": "main"}}
	for path, value := range fields {
		put(object, strings.Split(at+"."+path, "."), value)
	}
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))[0]
}

func put(mapping map[string]any, path []string, value string) {
	key, isList := strings.CutSuffix(path[0], "[]")
	switch {
	case len(path) == 1:
		mapping[key] = value
		return
	case mapping[key] == nil && isList:
		mapping[key] = []any{map[string]any{"name": "item"}}
	case mapping[key] == nil:
		mapping[key] = map[string]any{}
	}
	next, ok := mapping[key].(map[string]any)
	if !ok {
		next = mapping[key].([]any)[0].(map[string]any)
	}
	put(next, path[1:], value)
}

// TestCustomResourcesTable: the table is sorted, each row has a source, and each container has a field with "image" in
// its name, on which MayHoldContainers relies.
func TestCustomResourcesTable(t *testing.T) {
	order := func(a, b customResource) int { return strings.Compare(a.group, b.group) }
	if !slices.IsSortedFunc(customResources, order) {
		t.Error("the rows are not sorted by group")
	}
	seen := map[string]bool{}
	for _, row := range customResources {
		if !strings.HasPrefix(row.source, "https://github.com/") || !strings.Contains(row.source, "#L") {
			t.Errorf("%s %v: the source is no line of a file: %q", row.group, row.kinds, row.source)
		}
		if row.tag != "" && len(row.images) != 1 {
			t.Errorf("%s %v: one tag for %d images", row.group, row.kinds, len(row.images))
		}
		for _, at := range row.at {
			for _, path := range append(row.images, row.policy) { // MayHoldContainers looks for it
				if !strings.Contains(at+"."+path, "image") {
					t.Errorf("%s %v: no image in the name of %s.%s", row.group, row.kinds, at, path)
				}
			}
		}
		if row.unset != "" && row.unset != Always && row.unset != IfNotPresent {
			t.Errorf("%s %v: %q is no default", row.group, row.kinds, row.unset)
		}
		for _, kind := range row.kinds {
			for _, at := range row.at {
				key := fmt.Sprint(row.group, kind, at)
				if seen[key] {
					t.Errorf("%s %s %s stands there twice", row.group, kind, at)
				}
				seen[key] = true
			}
		}
	}
}

// TestTagFieldTakesADigest: the tag field of some operators also takes a digest.
func TestTagFieldTakesADigest(t *testing.T) {
	const sum = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	for tag, want := range map[string]string{"v1": "example.com/vm:v1", sum: "example.com/vm@" + sum, "": "example.com/vm"} {
		got := Containers(parse(t, `
apiVersion: operator.victoriametrics.com/v1beta1
kind: VMSingle
spec: {image: {repository: example.com/vm, tag: "`+tag+`"}}`)[0])
		if len(got) != 1 || got[0].Image != want || got[0].Effective != IfNotPresent {
			t.Errorf("tag %q: got %+v, want %s", tag, got, want)
		}
	}
}

// TestKindOfAnotherGroupIsNotInTheTable: a kind of the table counts only in its own group.
func TestKindOfAnotherGroupIsNotInTheTable(t *testing.T) {
	got := Containers(parse(t, `
apiVersion: example.com/v1
kind: Prometheus
spec: {image: "example.com/prometheus:1", imagePullPolicy: IfNotPresent}`)[0])
	if len(got) != 0 {
		t.Errorf("got %+v, want nothing", got)
	}
}
