package raw

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render"
)

func TestRenderSkipsFilesWithoutObjects(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\n"
	for _, test := range []struct {
		name  string
		files []string
		want  string
		skip  string
		rest  string
		err   string
	}{
		{name: "one file, as it is", files: []string{"# comment\n" + pod}, want: "# comment\n" + pod},
		{name: "several files", files: []string{pod, "a: 1\n", "kind: Pod\napiVersion: v1"}, want: pod + "---\nkind: Pod\napiVersion: v1\n"},
		{name: "JSON", files: []string{`{"kind":"Pod","apiVersion":"v1"}`}, want: `{"kind":"Pod","apiVersion":"v1"}` + "\n"},
		{name: "a list of objects in flow style", files: []string{"- {apiVersion: v1, kind: Pod}\n"}, skip: "no Kubernetes object in it"},
		{name: "no object", files: []string{"services: {}\n"}, skip: "no Kubernetes object in it"},
		{name: "broken, but no object", files: []string{"a: {\n"}, skip: "no Kubernetes object in it"},
		{name: "words only in a comment", files: []string{"# apiVersion and kind\nx: 1\n"}, skip: "no Kubernetes object in it"},
		{name: "broken, with a placeholder elsewhere", files: []string{pod + "args: ['{{inputs.x}}']\nx: 1\ny: 2\nz: 3\na: b: c\n"}, err: "0.yaml:7:1: mapping values are not allowed in this context"},
		{name: "a tag before the key", files: []string{"!!str apiVersion: v1\nkind: Pod\n"}, want: "!!str apiVersion: v1\nkind: Pod\n"},
		{name: "a key with an anchor", files: []string{"&a apiVersion: v1\nkind: Pod\n"}, want: "&a apiVersion: v1\nkind: Pod\n"},
		{name: "explicit keys", files: []string{"? apiVersion\n: v1\n? kind\n: Pod\n"}, want: "? apiVersion\n: v1\n? kind\n: Pod\n"},
		{name: "a key with an escape", files: []string{`{"\u0061piVersion":"v1","kind":"Pod"}`}, want: `{"\u0061piVersion":"v1","kind":"Pod"}` + "\n"},
		{name: "a key over two lines", files: []string{"? \"api\\\n  Version\"\n: v1\nkind: Pod\n"}, want: "? \"api\\\n  Version\"\n: v1\nkind: Pod\n"},
		{name: "a tag before the key, beside a template", files: []string{"!!str apiVersion: v1\nkind: Pod\n---\n{% x %}\n"}, want: "!!str apiVersion: v1\nkind: Pod\n---\n\n", rest: "a template of another tool, "},
		{name: "a byte order mark", files: []string{"\ufeff" + pod}, want: "\ufeff" + pod},
		{name: "UTF-16", files: []string{"\xff\xfek\x00i\x00n\x00d\x00:\x00 \x00P\x00\n\x00a\x00p\x00i\x00V\x00e\x00r\x00s\x00i\x00o\x00n\x00:\x00 \x00v\x001\x00\n\x00"},
			want: "\xff\xfek\x00i\x00n\x00d\x00:\x00 \x00P\x00\n\x00a\x00p\x00i\x00V\x00e\x00r\x00s\x00i\x00o\x00n\x00:\x00 \x00v\x001\x00\n\x00\n"},
		{name: "an empty List", files: []string{"apiVersion: v1\nkind: List\nitems: []\n"}, want: "apiVersion: v1\nkind: List\nitems: []\n"},
		{name: "too large", files: []string{strings.Repeat(" ", maxSize+1)}, err: "0.yaml: the file has 67108865 bytes, at most 67108864 are read"},
		{name: "empty", files: []string{""}, skip: "no Kubernetes object in it"},
		{name: "a Helm template", files: []string{pod + "{{- if .Values.x }}\na: b\n{{ end }}\n"}, skip: "a template of another tool, and no YAML before that has run: "},
		{name: "a Jinja template", files: []string{pod + "{% if x %}\na: b\n"}, skip: "a template of another tool, and no YAML before that has run: "},
		{name: "a shell template that is YAML", files: []string{pod + "metadata: {name: '${NAME}'}\n"}, want: pod + "metadata: {name: '${NAME}'}\n"},
		{name: "a shell template that is none", files: []string{pod + "metadata:\n  name: x\n${LABELS}\n"}, skip: "a template of another tool, and no YAML before that has run: 0.yaml:5:1: "},
		{name: "a placeholder before what it decides on", files: []string{pod + "metadata: {{- if .x }}\n  name: {{ .a }}-{{ .b }}\n{{- end }}\n"}, skip: "a template of another tool, and no YAML before that has run: "},
		{name: "a template of which a part is an object", files: []string{pod + "---\n" + pod + "{% if x %}\n"}, want: pod + "---\n\n\n\n", rest: "a template of another tool, and no YAML before that has run: 0.yaml:6:1: "},
		{name: "the first document is a template", files: []string{pod + "name: {{ x }}\n--- # 2\n" + pod}, want: "\n\n\n---\n" + pod, rest: "a template of another tool, and no object before that has run: 0.yaml:3: "},
		{name: "templates between objects", files: []string{"{% a %}\n---\n" + pod + "---\na: {{ b }}-x\n---\n" + pod}, want: "\n---\n" + pod + "---\n\n---\n" + pod, rest: "a template of another tool, and no YAML before that has run: 0.yaml:1:1: "},
		{name: "a template on the line of the separator", files: []string{pod + "---{% x %}\n" + pod}, err: "0.yaml:3:1: could not find expected ':'"},
		{name: "a word on the line of the separator", files: []string{pod + "---x\n" + pod + "---\n{% x %}\n"}, err: "0.yaml:3:1: could not find expected ':'"},
		{name: "a template beside what is no object", files: []string{pod + "{% if x %}\n---\na: 1\n"}, skip: "a template of another tool, and no YAML before that has run: "},
		{name: "a separator in a block of text", files: []string{pod + "data: |\n  {% x %}\n---\n{% y %}\n"}, want: pod + "data: |\n  {% x %}\n---\n\n", rest: "a template of another tool, and no YAML before that has run: "},
		{name: "a template beside an object, in part", files: []string{pod, pod + "---\n{% if x %}\n"}, err: "1.yaml: a template of another tool, and no YAML before that has run: 1.yaml:4:1: found character that cannot start any token"},
		{name: "a template that is YAML and no object", files: []string{pod + "spec: {containers: [{name: a, image: {{ image }}}]}\n"}, skip: "a template of another tool, and no object before that has run: 0.yaml:3: "},
		{name: "a template beside an object", files: []string{pod, pod + "{% if x %}\n"}, err: "1.yaml: a template of another tool, and no YAML before that has run: 1.yaml:3:1: found character that cannot start any token"},
		{name: "broken, with template tags in a string", files: []string{pod + "args: ['{% raw %}']\na: b: c\n"}, err: "0.yaml:4:1: mapping values are not allowed in this context"},
		{name: "broken, with a template in a block", files: []string{pod + "data:\n  x: |\n    {{ if .x }}\n    {% y %}\na: b: c\n"}, err: "0.yaml:7:1: mapping values are not allowed in this context"},
		{name: "broken, beside a placeholder in a comment", files: []string{pod + "# {{ x }} {% y %}\na: b: c # ${z}\n"}, err: "0.yaml:4:1: mapping values are not allowed in this context"},
		{name: "broken", files: []string{pod + "metadata: {name\n  x: y\n"}, err: "0.yaml:3:1: did not find expected ',' or '}'"},
		{name: "the second is broken", files: []string{pod, pod + "\tx: 1\n"}, err: "1.yaml:3:2: found a tab character that violates indentation"},
		{name: "the second document is broken", files: []string{pod + "---\na: b: c\n"}, err: "0.yaml:4:1: mapping values are not allowed in this context"},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			source := Source{}
			for i, content := range test.files {
				name := string(rune('0'+i)) + ".yaml"
				fsys[name] = &fstest.MapFile{Data: []byte(content)}
				source.Manifests = append(source.Manifests, render.File{Path: name})
			}
			result, err := source.Render(context.Background(), render.In{Tree: fsys})
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("the error is %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := string(result.Text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if (result.Rest != nil) != (test.rest != "") || result.Rest != nil && !strings.HasPrefix(result.Rest.Reason, test.rest) {
				t.Errorf("it is rendered without %+v, want %q", result.Rest, test.rest)
			}
			if test.skip == "" {
				if result.Skip != nil {
					t.Errorf("it is skipped: %v", result.Skip)
				}
			} else if result.Skip == nil || !strings.HasPrefix(result.Skip.Reason, test.skip) || result.Skip.NoObject != (test.skip == "no Kubernetes object in it") {
				t.Errorf("it is skipped for %+v, want %q", result.Skip, test.skip)
			}
		})
	}
}

func TestRenderReadsDataInsteadOfTheTree(t *testing.T) {
	source := Source{Manifests: []render.File{{Path: "-", Data: []byte("{kind: Pod, apiVersion: v1}")}}}
	result, err := source.Render(context.Background(), render.In{})
	if err != nil || len(result.Documents) != 1 || result.Documents[0].Path != "-" || !result.Documents[0].Verbatim {
		t.Errorf("got %+v, %v", result, err)
	}
}
