package main

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pullcheck/pullcheck/"

// allowed says which packages of the module each package may import: data flows one way. In a directory that
// is not named here, nothing of the module may be imported.
var allowed = map[string][]string{
	"render/yamldoc":                {},
	"render/tree":                   {},
	"render":                        {"render/tree", "render/yamldoc"},
	"render/raw":                    {"render", "render/yamldoc"},
	"render/helm":                   {"render", "render/tree", "render/yamldoc", "render/internal/cache"},
	"render/kustomize":              {"render", "render/tree", "render/yamldoc", "render/helm", "render/internal/cache"},
	"render/argocd":                 {"render", "render/tree", "render/yamldoc"},
	"render/origin":                 {"render", "render/tree", "render/yamldoc"},
	"check":                         {"render", "render/yamldoc"},
	"check/fix":                     {"check", "render", "render/origin", "render/tree", "render/yamldoc"},
	"cmd/pullcheck/internal/change": {"render/yamldoc"},
	"cmd/pullcheck/internal/report": {"check", "render", "render/raw", "render/yamldoc"},
	"cmd/pullcheck/internal/review": {"check", "render", "render/tree", "render/yamldoc", "cmd/pullcheck/internal/change"},
	"cmd/pullcheck":                 {"cmd/pullcheck/internal/change", "cmd/pullcheck/internal/memory", "check", "check/fix", "render", "render/tree", "render/yamldoc", "render/argocd", "render/helm", "render/kustomize", "render/origin", "render/raw", "cmd/pullcheck/internal/report", "cmd/pullcheck/internal/review"},
}

// owners are the only packages of the module that may import a library.
var owners = map[string][]string{
	"github.com/google/go-github":     {"cmd/pullcheck/internal/review"},
	"github.com/spf13/pflag":          {"cmd/pullcheck"},
	"helm.sh/helm/v3":                 {"render/helm", "render/kustomize", "cmd/pullcheck"},
	"sigs.k8s.io/kustomize/api":       {"render", "render/argocd", "render/kustomize", "cmd/pullcheck"},
	"sigs.k8s.io/kustomize/kustomize": {"render/argocd"},
}

// slow are packages that initialise for tens of milliseconds, at every start of the program.
var slow = []string{"helm.sh/helm/v3/pkg/action", "helm.sh/helm/v3/pkg/cli", "helm.sh/helm/v3/pkg/getter", "k8s.io/kubectl/pkg/scheme"}

func TestImports(t *testing.T) {
	for _, line := range goList(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"...") {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module)
		if slices.Contains([]string{"util", "utils", "common", "helpers"}, path.Base(name)) {
			t.Errorf("%s: name a package for what it does", name)
		}
		for _, imported := range fields[1:] {
			if own, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(allowed[name], own) {
				t.Errorf("%s may not import %s", name, own)
			}
			for library, owner := range owners {
				if (imported == library || strings.HasPrefix(imported, library+"/")) && !slices.Contains(owner, name) {
					t.Errorf("%s may not import %s, only %s may", name, imported, strings.Join(owner, " and "))
				}
			}
		}
	}
	dependencies := goList(t, "-deps", module+"cmd/pullcheck")
	for _, name := range slow {
		if slices.Contains(dependencies, name) {
			t.Errorf("the program depends on %s, which makes every start slow", name)
		}
	}
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	output, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(output)), "\n")
}
