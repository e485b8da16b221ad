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

const thisRepository = "https://example.com/ours.git"

func isThisRepository(repoURL string) bool { return repoURL == thisRepository }

// TestExpand expands set.yaml of each archive over its other files. They are compared with: want.yaml, the Applications,
// of which apiVersion, kind and the finalizers are left away where they are what all get; skipped; and error.
func TestExpand(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			tree := fstest.MapFS{}
			for _, file := range archive.Files {
				files[file.Name] = string(file.Data)
				tree[file.Name] = &fstest.MapFile{Data: file.Data}
			}
			for _, name := range []string{"set.yaml", "want.yaml", "skipped", "error"} {
				delete(tree, name)
			}
			apps, skipped, err := Expand(tree, parsed(t, files["set.yaml"]), isThisRepository)
			message := ""
			if err != nil {
				message = err.Error() + "\n"
			}
			if message != files["error"] {
				t.Errorf("error:\n%swant:\n%s", message, files["error"])
			}
			if got := strings.Join(append(skipped, ""), "\n"); got != files["skipped"] {
				t.Errorf("skipped:\n%swant:\n%s", got, files["skipped"])
			}
			var wanted []map[string]any
			for text := range strings.SplitSeq(files["want.yaml"], "---\n") {
				if text != "" {
					wanted = append(wanted, parsed(t, text))
				}
			}
			var got []map[string]any
			for _, app := range apps {
				got = append(got, plain(app))
			}
			if !reflect.DeepEqual(got, wanted) {
				t.Errorf("got:\n%swant:\n%s", asYAML(t, got), asYAML(t, wanted))
			}
		})
	}
}

// plain leaves away what each Application has.
func plain(application map[string]any) map[string]any {
	if application["apiVersion"] == "argoproj.io/v1alpha1" && application["kind"] == "Application" {
		delete(application, "apiVersion")
		delete(application, "kind")
	}
	metadata := application["metadata"].(map[string]any)
	if reflect.DeepEqual(metadata["finalizers"], []any{"resources-finalizer.argocd.argoproj.io"}) {
		delete(metadata, "finalizers")
	}
	return application
}

func parsed(t testing.TB, text string) map[string]any {
	t.Helper()
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func asYAML(t testing.TB, objects []map[string]any) string {
	t.Helper()
	var texts []string
	for _, object := range objects {
		data, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	return strings.Join(texts, "---\n")
}

func TestExpandError(t *testing.T) {
	const git = "repoURL: https://example.com/ours.git"
	tree := fstest.MapFS{"config/bad.yaml": {Data: []byte("[1, 2]")}, "dir/x": {}}
	for name, test := range map[string]struct{ spec, want string }{
		"generators of a wrong type": {
			"{generators: {list: {}}}",
			"spec.generators: found a mapping, where Argo CD accepts a list",
		},
		"goTemplate of a wrong type": {
			"{goTemplate: 'yes'}",
			"spec.goTemplate: found a string, where Argo CD accepts a boolean",
		},
		"an unknown option": {
			"{goTemplate: true, goTemplateOptions: [missingkey=errors]}",
			`spec.goTemplateOptions[0]: found "missingkey=errors", where Argo CD accepts one of missingkey=default, missingkey=invalid, missingkey=zero, missingkey=error`,
		},
		"a generator of a wrong type": {
			"{generators: [{list: {}}, {git: [x]}]}",
			"spec.generators[1].git: found a list, where Argo CD accepts a mapping",
		},
		"elements without a mapping": {
			"{generators: [{list: {elements: [a]}}]}",
			"spec.generators[0].list.elements: found a string, where Argo CD accepts a mapping",
		},
		"an element with a number": {
			"{generators: [{list: {elements: [{a: x}, {a: x, values: {b: 3}}]}}]}",
			"spec.generators[0].list.elements[1].values.b: found 3, where Argo CD accepts a string unless spec.goTemplate is true",
		},
		"elementsYaml": {
			"{generators: [{list: {elementsYaml: 'a: b'}}]}",
			"spec.generators[0].list.elementsYaml: found what is no list of mappings in YAML: ",
		},
		"git without paths": {
			"{generators: [{git: {" + git + "}}]}",
			"spec.generators[0].git: found neither directories nor files, where Argo CD accepts one of them",
		},
		"git values": {
			"{generators: [{git: {" + git + ", directories: [{path: '*'}], values: {a: true}}}]}",
			"spec.generators[0].git.values: found a boolean, where Argo CD accepts a string",
		},
		"a pattern of directories": {
			"{generators: [{git: {" + git + ", directories: [{path: '['}]}}]}",
			`spec.generators[0].git.directories[0].path: found "[", where Argo CD accepts a pattern of Go's path.Match: syntax error in pattern`,
		},
		"a file outside": {
			"{generators: [{git: {" + git + ", files: [{path: ../x}]}}]}",
			`spec.generators[0].git.files[0].path: found "../x", where Argo CD accepts a pathspec of git: it leads out of the repository`,
		},
		"a pathspec with a signature": {
			"{generators: [{git: {" + git + ", files: [{path: ':(glob)x'}]}}]}",
			`spec.generators[0].git.files[0].path: found ":(glob)x", where Argo CD accepts a pathspec of git: the signature after a leading colon is not known here`,
		},
		"a file that holds something else": {
			"{generators: [{git: {" + git + ", files: [{path: '*.yaml'}]}}]}",
			"spec.generators[0].git: config/bad.yaml: found neither a mapping nor a list of mappings in YAML or JSON: ",
		},
		"a matrix of one": {
			"{generators: [{matrix: {generators: [{list: {}}]}}]}",
			"spec.generators[0].matrix.generators: found 1 generators, where Argo CD accepts 2",
		},
		"a matrix of contradictions": {
			"{generators: [{matrix: {generators: [{list: {elements: [{a: x}]}}, {list: {elements: [{a: z}]}}]}}]}",
			`spec.generators[0].matrix: found "x" for a in the first generator and "z" in the second, where Argo CD accepts only the same unless spec.goTemplate is true`,
		},
		"two generators in one entry of a matrix": {
			"{generators: [{matrix: {generators: [{list: {}, git: {}}, {list: {}}]}}]}",
			`spec.generators[0].matrix.generators[0]: found ["git" "list"], where Argo CD accepts exactly one generator`,
		},
		"no generator in a merge": {
			"{generators: [{merge: {mergeKeys: [a], generators: [{union: {}}, {list: {}}]}}]}",
			`spec.generators[0].merge.generators[0]: found ["union"], where Argo CD accepts exactly one generator`,
		},
		"too deep": {
			"{generators: [{matrix: {generators: [{merge: {mergeKeys: [a], generators: [{matrix: {}}, {list: {}}]}}, {list: {}}]}}]}",
			"spec.generators[0].matrix.generators[0].merge.generators[0]: found a matrix inside of two others, where Argo CD accepts one level of nesting",
		},
		"a merge without keys": {
			"{generators: [{merge: {generators: [{list: {}}, {list: {}}]}}]}",
			"spec.generators[0].merge.mergeKeys: found none, where Argo CD accepts 1 or more",
		},
		"a merge of one": {
			"{generators: [{merge: {mergeKeys: [a], generators: [{list: {}}]}}]}",
			"spec.generators[0].merge.generators: found 1 generators, where Argo CD accepts 2 or more",
		},
		"merge keys twice": {
			"{generators: [{merge: {mergeKeys: [a, b], generators: [{list: {}}, {list: {elements: [{a: x}, {a: x, c: z}]}}]}}]}",
			`spec.generators[0].merge.generators[1]: found the merge keys {"a":"x","b":null} twice, where Argo CD accepts each once`,
		},
		"the operator of a selector": {
			"{generators: [{list: {}, selector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}}]}",
			`spec.generators[0].selector: found the operator "Gt", where Argo CD accepts In, NotIn, Exists or DoesNotExist`,
		},
		"the key of a selector": {
			"{generators: [{list: {}, selector: {matchLabels: {'path[0]': a}}}]}",
			`spec.generators[0].selector: found the key "path[0]": `,
		},
		"a selector without values": {
			"{generators: [{list: {}, selector: {matchExpressions: [{key: a, operator: In}]}}]}",
			"spec.generators[0].selector: found no values for a In, where Argo CD accepts 1 or more",
		},
		"a selector with values": {
			"{generators: [{list: {}, selector: {matchExpressions: [{key: a, operator: Exists, values: [x]}]}}]}",
			"spec.generators[0].selector: found values for a Exists, where Argo CD accepts none",
		},
		"a missing key": {
			"{goTemplate: true, goTemplateOptions: [missingkey=error], generators: [{list: {elements: [{a: x}]}}], template: {spec: {sources: [{path: '{{.b}}'}]}}}",
			`spec.generators[0].list: template: template.spec.sources[0].path:1:2: executing "template.spec.sources[0].path" at <.b>: map has no entry for key "b"`,
		},
		"a Go template that is none": {
			"{goTemplate: true, generators: [{list: {elements: [{a: x}]}}], template: {metadata: {name: '{{'}}}",
			"spec.generators[0].list: template: template.metadata.name:1: unclosed action",
		},
		"a function that reads the environment": {
			"{goTemplate: true, generators: [{list: {elements: [{a: x}]}}], template: {metadata: {name: '{{ env `HOME` }}'}}}",
			`spec.generators[0].list: template: template.metadata.name:1: function "env" not defined`,
		},
		"a function that asks a name server": {
			"{goTemplate: true, generators: [{list: {elements: [{a: x}]}}], template: {metadata: {name: '{{ getHostByName `example.com` }}'}}}",
			`spec.generators[0].list: template: template.metadata.name:1: function "getHostByName" not defined`,
		},
		"slugify": {
			"{goTemplate: true, generators: [{list: {elements: [{a: x}]}}], template: {metadata: {name: '{{ slugify `a` `b` }}'}}}",
			`spec.generators[0].list: template: template.metadata.name:1:3: executing "template.metadata.name" at <slugify ` + "`a` `b`" + `>: error calling slugify: found [a b], where slugify accepts [SIZE [true|false]] NAME`,
		},
		"braces that do not close": {
			"{generators: [{list: {elements: [{a: x}]}}], template: {metadata: {name: '{{a}} {{b'}}}",
			`spec.generators[0].list: template.metadata.name: found {{ without }} behind it: "b"`,
		},
		"a patch that is text": {
			"{generators: [{list: {elements: [{a: x}]}}], templatePatch: 'hello {{a}}'}",
			"spec.generators[0].list: templatePatch: what it renders to is no mapping in YAML or JSON: ",
		},
		"a patch deep into valuesObject": {
			"{generators: [{list: {elements: [{a: x}]}}], template: {spec: {source: {helm: {valuesObject: {image: {tag: a}}}}}}, templatePatch: '{\"spec\": {\"source\": {\"helm\": {\"valuesObject\": {\"image\": {\"tag\": \"b\"}}}}}}'}",
			"spec.generators[0].list: templatePatch: valuesObject.image stands in the template too: Argo CD merges only the first level of a valuesObject, write it in one of them",
		},
	} {
		t.Run(name, func(t *testing.T) {
			apps, _, err := Expand(tree, parsed(t, "{spec: "+test.spec+"}"), isThisRepository)
			if err == nil || len(apps) != 0 {
				t.Fatalf("got %d Applications and the error %v, want the error %s", len(apps), err, test.want)
			}
			if got := err.Error(); got != test.want && !(strings.HasSuffix(test.want, ": ") && strings.HasPrefix(got, test.want)) {
				t.Errorf("got the error\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestExpandKeepsTheSet holds that what is returned shares nothing with the set, which callers expand again.
func TestExpandKeepsTheSet(t *testing.T) {
	const text = "{spec: {generators: [{list: {elements: [{}]}}], template: {metadata: {name: a, labels: {b: c}}, spec: {source: {path: p}}}}}"
	set := parsed(t, text)
	apps, _, err := Expand(fstest.MapFS{}, set, isThisRepository)
	if err != nil {
		t.Fatal(err)
	}
	if len(apps) != 1 {
		t.Fatalf("got %+v", apps)
	}
	apps[0]["metadata"].(map[string]any)["labels"].(map[string]any)["b"] = "changed"
	apps[0]["spec"].(map[string]any)["source"].(map[string]any)["path"] = "changed"
	if !reflect.DeepEqual(set, parsed(t, text)) {
		t.Errorf("the set is now %v", set)
	}
}
