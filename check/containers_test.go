package check

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render"
	"github.com/rogpeppe/go-internal/txtar"
)

// TestContainers runs the archives in testdata/containers: the objects in input.yaml, and a line of want
// for each container: object, name, field, image, written and effective policy.
func TestContainers(t *testing.T) {
	files, err := filepath.Glob("testdata/containers/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no archives: ", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, manifest := range parse(t, member(t, archive, "input.yaml")) {
				for _, c := range Containers(manifest) {
					fmt.Fprintf(&got, "%s/%s | %s | %s | %s | %s | %s\n", manifest.Kind, manifest.Name, c.Name, c.Field, c.Image, c.Written, c.Effective)
				}
			}
			if want := member(t, archive, "want"); got.String() != want {
				t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
			}
		})
	}
}

func member(t *testing.T, archive *txtar.Archive, name string) string {
	t.Helper()
	for _, file := range archive.Files {
		if file.Name == name {
			return string(file.Data)
		}
	}
	t.Fatalf("the archive has no %s", name)
	return ""
}

// parse returns the objects in a manifest file.
func parse(t testing.TB, text string) []render.Manifest {
	t.Helper()
	result := render.Result{Documents: []render.Document{{Path: "app.yaml", Text: []byte(text), Verbatim: true}}}
	manifests, err := result.Manifests(everything)
	if err != nil {
		t.Fatal(err)
	}
	return manifests
}

func everything([]byte) bool { return true }

// TestMayHoldContainers has texts in which a quick search could miss a container, and texts that it need not parse.
func TestMayHoldContainers(t *testing.T) {
	const (
		pod    = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: x}]}\n"
		crd    = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {default: {image: x}}\n"
		data   = "apiVersion: v1\nkind: ConfigMap\ndata: {image: x}\n"
		secret = "# Source: x\n\napiVersion: v1\r\nkind: Secret\r\ndata: {image: x}\r\n"
		none   = "apiVersion: v1\nkind: Service\nspec: {}\n"
	)
	for _, test := range []struct {
		name, text string
		want       bool
	}{
		{"pod", pod, true},
		{"no image", none, false},
		{"nothing", "", false},
		{"without containers", crd, false},
		{"without containers, all of them", "---\n" + crd + "---\n" + data + "---\n" + secret + "---\n" + none, false},
		{"pod among others", crd + "---\n" + data + "---\n" + pod + "---\n" + none, true},
		{"pod on the line of a separator", crd + "--- {apiVersion: v1, kind: Pod, spec: {containers: [{image: x}]}}\n", true},
		{"list of such", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  data: {image: x}\n", true},
		{"the same kind of another group", "apiVersion: example.com/v1\nkind: ConfigMap\ncontainers: [{image: x}]\n", true},
		{"kind written twice", data + "kind: Pod\n", true},
		{"kind written twice, in quotes", data + "\"kind\": Pod\ncontainers: [{image: x}]\n", true},
		{"apiVersion written twice", data + "apiVersion: example.com/v1\ncontainers: [{image: x}]\n", true},
		{"kind after CR", "apiVersion: v1\nkind: ConfigMap\ndata: {}\rkind: Pod\rcontainers: [{image: x}]\n", true},
		{"apiVersion after CR", data + "a: b\rapiVersion: example.com/v1\rcontainers: [{image: x}]\n", true},
		{"kind after NEL", data + "a: b\u0085kind: Pod\n", true},
		{"kind after LS", data + "a: b\u2028kind: Pod\n", true},
		{"kind after PS", data + "a: b\u2029kind: Pod\n", true},
		{"object after CR in a comment", "# x\r" + strings.ReplaceAll(pod, "\n", "\r") + "---\n" + data, true},
		{"key that looks like a separator", "apiVersion: v1\n---" + data + "containers: [{image: x}]\n---a: b\nkind: Pod\n", true},
		{"comment that looks like a header", "# apiVersion: v1\n# kind: ConfigMap\n" + pod, true},
		{"escape in a key", "apiVersion: v1\nkind: Pod\nspec: {containers: [{\"im\\u0061ge\": x}]}\n", true},
		{"utf-16", "\xff\xfe" + strings.Join(strings.Split(pod, ""), "\x00") + "\x00", true},
		{"json", `{"apiVersion": "v1", "kind": "ConfigMap", "data": {"image": "x"}}`, true},
	} {
		if got := MayHoldContainers([]byte(test.text)); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
		fuzzRun(t, test.text) // it says no only where a parser finds none, too
	}
}

// TestContainerMergedOftenIsFoundOnce: a container that a mapping merges many times is found once, in one pass. A
// search through all merges for each key would take minutes.
func TestContainerMergedOftenIsFoundOnce(t *testing.T) {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: Pod\nmetadata: {a: &a {containers: [{image: x}]")
	for i := range 800 {
		fmt.Fprintf(&text, ", k%d: []", i)
	}
	text.WriteString("}}\nspec:\n" + strings.Repeat("  <<: *a\n", 200))
	if got := Containers(parse(t, text.String())[0]); len(got) != 1 || got[0].Field.String() != "spec.containers[0].imagePullPolicy" {
		t.Errorf("got %+v, want the one container", got)
	}
}
