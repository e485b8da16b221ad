package kustomize

import (
	"path"
	"strings"
	"testing"
)

// FuzzRepository holds that the URL of a remote base names a scheme that git may use, that no option of git can hide in
// it, and that its directory is in the repository.
func FuzzRepository(f *testing.F) {
	for _, text := range []string{
		"https://github.com/acme/base//prod?ref=v1&timeout=90&submodules=false", "git@github.com:acme/base", "file:///a/b.git/c", "ssh://git@host:22/a/b", "git::https://a/b/_git/c/d", "-oProxyCommand=x@github.com/a/b",
		"https://a/b/c/../../..", "ext::sh -c x//y", "github.com/a/b?ref=--upload-pack=x", "https://host:x/a/b", "../base", "https://u:p@h/a/b//c/./..", "a@b:c", "https://a/b.git/..//..",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRepository(text)
		isWeb(text)
		namesFile(text)
		if err != nil {
			return
		}
		if r.timeout <= 0 || r.url == "" {
			t.Errorf("%q gives %#v", text, r)
		}
		scheme, _, hasScheme := strings.Cut(r.url, "://")
		isSCP := strings.Contains(r.url, "@") || strings.HasPrefix(r.url, "github.com:")
		if strings.HasPrefix(r.url, "-") || strings.HasPrefix(r.url, "ext::") || !hasScheme && !isSCP {
			t.Errorf("%q gives git the URL %q", text, r.url)
		}
		if hasScheme && !isSCP && scheme != "https" && scheme != "http" && scheme != "ssh" && scheme != "file" {
			t.Errorf("%q gives git the scheme %q", text, scheme)
		}
		if clean := path.Clean(r.path); strings.HasPrefix(clean, "../") || clean == ".." || path.IsAbs(clean) {
			t.Errorf("%q gives the directory %q", text, r.path)
		}
		_ = r.String()
	})
}

// FuzzKustomization holds that any kustomization file is parsed or refused, with a place in the file, and that each path
// that it names can be found and replaced.
func FuzzKustomization(f *testing.F) {
	for _, text := range []string{
		"", "resources: [a.yaml, https://github.com/a/b?ref=v1]\npatches: [{path: p.yaml}, {patch: 'a: b'}]\n", "&a {resources: [*a]}", "bases: [../a]\nvars: []\nimageTags: [{name: a}]\n",
		"kind: Component\nhelmCharts: [{name: a, repo: r, version: 1, valuesInline: {a: &b [1], c: *b}}]\n", "configMapGenerator: [{name: a, files: [a=b, c], envs: [d]}]\nreplacements: [{path: a}]\n",
		"resources: {a: b}", "unknown: 1", "patchesJson6902: [{path: a, target: {kind: b}}]\ncrds: [c]\nopenapi: {path: d}\ncommonLabels: ~\n", "apiVersion: x", "<<: {resources: [a]}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := Parse("kustomization.yaml", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "kustomization.yaml") {
				t.Errorf("%q: the error names no file: %v", data, err)
			}
			return
		}
		lines := strings.Count(string(data), "\n") + 1
		for i, reference := range k.References() {
			if at := k.Locate(reference.Path); at.Line > 4*lines { // A line of the parser may be a part of a line.
				t.Errorf("%q: %s stands at %s", data, reference.Path, at)
			}
			reference.Set("new")
			if again := k.References(); i >= len(again) || again[i].Path != "new" {
				t.Errorf("%q: the reference %d is not replaced", data, i)
			}
		}
		for _, chart := range k.HelmCharts {
			k.ChartDirectory(chart)
		}
		isInline(string(data))
	})
}
