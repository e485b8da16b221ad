package main

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pullcheck/pullcheck/"

// floors are the packages of the module, the lowest floor first. A package imports only packages of lower floors, so
// that data flows one way: files → sources → manifests → findings → report.
var floors = [][]string{
	{"render/tree", "render/yamldoc", "internal/child", "internal/fetch", "internal/printable"},
	{"internal/git"},
	{"render", "render/helm/chartrepo"},
	{"render/helm", "render/raw", "render/declared"},
	{"render/kustomize"},
	{"render/argocd/appset"},
	{"render/argocd"},
	{"render/discover"},
	{"render/origin"},
	{"check"},
	{"check/fix"},
	{"check/scan"},
	{"internal/cmp", "internal/krm", "internal/lookup", "internal/report", "internal/review", "cmd/pullcheck/internal/memory"},
	{"cmd/pullcheck"},
}

// testPackages are packages for tests. The program does not import them.
var testPackages = []string{"internal/charttest", "internal/rendertest", "internal/githubtest"}

// owners are, for each library, the only packages of the module that may import it.
var owners = map[string][]string{
	"os/exec":                                {"internal/child", "internal/git", "render/helm/chartrepo", "internal/githubtest", "internal/rendertest"},
	"github.com/docker":                      {"render/helm/chartrepo"},
	"github.com/google/go-containerregistry": {"render/helm/chartrepo"},
	"github.com/google/go-github":            {"internal/review"},
	"github.com/santhosh-tekuri":             {"internal/githubtest", "render/helm"},
	"github.com/spf13/pflag":                 {"cmd/pullcheck"},
	"github.com/vektah/gqlparser/v2":         {"internal/githubtest"},
	"helm.sh/helm/v3":                        {"render/helm", "render/helm/chartrepo", "render/kustomize", "internal/charttest", "cmd/pullcheck"},
	"sigs.k8s.io/kustomize/api":              {"render/argocd", "render/discover", "render/kustomize", "check/scan"},
	"sigs.k8s.io/kustomize/kustomize":        {"render/argocd"},
}

// slow are packages that take tens of milliseconds to initialise. The program would take that time at every start.
var slow = []string{"helm.sh/helm/v3/pkg/action", "helm.sh/helm/v3/pkg/cli", "helm.sh/helm/v3/pkg/getter", "k8s.io/kubectl/pkg/scheme"}

// TestFloors: a package imports packages of lower floors only, and the program imports no package for tests.
func TestFloors(t *testing.T) {
	floorOf := map[string]int{}
	for floor, packages := range floors {
		for _, name := range packages {
			floorOf[name] = floor
		}
	}
	imports := packageImports(t)
	for name, imported := range imports {
		floor, ok := floorOf[name]
		if !ok {
			if !slices.Contains(testPackages, name) {
				t.Errorf("%s has no floor: add it to floors", name)
			}
			continue
		}
		for _, other := range imported {
			switch otherFloor, ok := floorOf[other]; {
			case slices.Contains(testPackages, other):
				t.Errorf("%s is for tests, and the program imports it: %s", other, importPath(imports, other))
			case ok && otherFloor >= floor:
				t.Errorf("floor %d may not import floor %d: %s", floor, otherFloor, importPath(imports, name)+" → "+other)
			}
		}
	}
}

// packageImports returns the packages of the module, each with the packages of the module that it imports.
func packageImports(t *testing.T) map[string][]string {
	imports := map[string][]string{}
	for _, line := range goList(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"...") {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module)
		imports[name] = nil
		for _, imported := range fields[1:] {
			if own, ok := strings.CutPrefix(imported, module); ok {
				imports[name] = append(imports[name], own)
			}
		}
	}
	return imports
}

// importPath returns a shortest chain of imports from the program to a package.
func importPath(imports map[string][]string, name string) string {
	from := map[string]string{"cmd/pullcheck": ""}
	for queue := []string{"cmd/pullcheck"}; len(queue) > 0; queue = queue[1:] {
		for _, next := range imports[queue[0]] {
			if _, known := from[next]; !known {
				from[next] = queue[0]
				queue = append(queue, next)
			}
		}
	}
	chain := name
	for at := from[name]; at != ""; at = from[at] {
		chain = at + " → " + chain
	}
	return chain
}

// TestImports: a library is imported by its owners only, and the program does not depend on packages that start slowly.
func TestImports(t *testing.T) {
	for _, line := range goList(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", module+"...") {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module)
		if slices.Contains([]string{"util", "utils", "common", "helpers"}, path.Base(name)) {
			t.Errorf("%s: name a package for what it does", name)
		}
		for _, imported := range fields[1:] {
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
