package tree

import (
	"testing"
	"testing/fstest"
)

func TestIsTrackedHonoursGitignoreAndSubmodules(t *testing.T) {
	fsys := fstest.MapFS{
		".gitignore":                        {Data: []byte("/out/\n*.local.yaml\n!kept.local.yaml\n")},
		".git/config":                       {},
		"values.yaml":                       {},
		"a.local.yaml":                      {},
		"kept.local.yaml":                   {},
		"out/pod.yaml":                      {},
		"app/out/pod.yaml":                  {},
		"app/.gitignore":                    {Data: []byte("charts/*\n!charts/own/\n")},
		"app/charts/db/values.yaml":         {},
		"app/charts/own/templates/pod.yaml": {},
		"app/charts/db-1.0.0.tgz":           {},
		"modules/base/.git":                 {Data: []byte("gitdir: ../../.git/modules/base\n")},
		"modules/base/deploy/pod.yaml":      {},
		"modules/other/deploy/pod.yaml":     {},
	}
	for name, want := range map[string]bool{
		"values.yaml":                         true,
		"a.local.yaml":                        false,
		"kept.local.yaml":                     true,
		"out/pod.yaml":                        false,
		"app/out/pod.yaml":                    true,
		"app/charts/db/values.yaml":           false,
		"app/charts/own/templates/pod.yaml":   true,
		"app/charts/db-1.0.0.tgz/values.yaml": false,
		"modules/base/deploy/pod.yaml":        false,
		"modules/other/deploy/pod.yaml":       true,
		"app":                                 false,
		"missing.yaml":                        false,
		"-":                                   false,
		"":                                    false,
		"../values.yaml":                      false,
		"/values.yaml":                        false,
		"https://example.com/repo//pod.yaml":  false,
		"--set image.pullPolicy":              false,
	} {
		if got := IsTracked(fsys, name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
