package appset

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"
)

// FuzzExpand holds that any ApplicationSet over any file is expanded or refused; that each Application is a mapping with
// a name of its own; and that the set itself does not change.
func FuzzExpand(f *testing.F) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "set.yaml" {
				f.Add(string(file.Data), "a: {b: 1}\n")
			}
		}
	}
	f.Add("spec:\n  goTemplate: true\n  generators: [{git: {repoURL: 'https://example.com/ours.git', files: [{path: '**/[a-'}], values: {a: '{{ .a }}{{ slugify 3 true .path.basename }}'}}, selector: {matchExpressions: [{key: a, operator: In, values: [b]}]}}]\n  template: {metadata: {name: '{{ .a.b }}'}}\n  templatePatch: '{\"spec\": {}}'\n", "- {a: {b: c}}\n- ~\n")
	f.Fuzz(func(t *testing.T, text, config string) {
		var set, before map[string]any
		if yaml.Unmarshal([]byte(text), &set) != nil || set == nil || yaml.Unmarshal([]byte(text), &before) != nil {
			return
		}
		if grows(text) {
			return
		}
		tree := fstest.MapFS{"a/config.yaml": {Data: []byte(config)}, "b/config.json": {Data: []byte(`{"c": [1, null]}`)}, "apps/web/x": {}, "apps/.hidden/x": {}}
		applications, _, err := Expand(tree, set, isThisRepository)
		if !reflect.DeepEqual(set, before) {
			t.Errorf("the set was %v and is %v", before, set)
		}
		names := map[string]bool{}
		for _, app := range applications {
			metadata, _ := app["metadata"].(map[string]any)
			name, _ := metadata["name"].(string)
			if name == "" || names[name] || app["kind"] != "Application" {
				t.Errorf("%q gives %v, %v", text, app, err)
			}
			names[name] = true
		}
	})
}

// grows reports whether a text may make a template grow without end, or repeat a text a great many times: the limits
// of a run hold that, and not this package.
func grows(text string) bool {
	for _, word := range []string{"repeat", "until", "seq", "range", "template", "rand", "gen", "bcrypt", "htpasswd", "derive", "indent", "define", "block", "%"} {
		if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(text, "goTemplate", ""), "template:", ""), word) && strings.Contains(text, "goTemplate") {
			return true
		}
	}
	return false
}

// FuzzPathspec holds that any pathspec is refused or matches, that a literal one matches its own file, and that none
// leads out of the repository.
func FuzzPathspec(f *testing.F) {
	for _, pattern := range []string{"a/*.json", "**/config.yaml", "[a-", `a\`, "a[[:alpha:]]", "[!a]", "[]a]", ":x", "../a", "a/", ".", "[z-a]", `[\]]`, "a//b", "", "[[:x:]]", "é?"} {
		f.Add(pattern, "a/b.json")
	}
	f.Fuzz(func(t *testing.T, pattern, file string) {
		matches, err := pathspec(pattern)
		if err != nil {
			return
		}
		matches(file)
		if strings.HasPrefix(pattern, "/") || strings.HasPrefix(pattern, "../") {
			t.Errorf("%q is accepted", pattern)
		}
		if clean := filepath.ToSlash(filepath.Clean(pattern)); !strings.ContainsAny(pattern, `*?[\`) && !strings.HasSuffix(pattern, "/") && !matches(clean) {
			t.Errorf("%q does not match itself", pattern)
		}
		if sanitized := sanitizeName(file); strings.Trim(sanitized, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || len(sanitized) > 253 {
			t.Errorf("%q becomes the name %q", file, sanitized)
		}
	})
}
