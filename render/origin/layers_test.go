package origin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// layers are the files of the package, as its comment has them: a file uses only its own layer and the layers before.
var layers = [][]string{
	{"site.go", "query.go", "targets.go"},
	{"scan.go", "scan_text.go", "scan_template.go", "scan_yaml.go"},
	{"literal.go"},
	{"source.go", "inputs.go", "values.go", "tokens.go", "decide.go"},
	{"run.go", "tracing.go"},
	{"strategy_*.go"},
	{"trace.go"},
}

// TestLayers holds that no function, type, variable or constant of a later layer is used.
func TestLayers(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	fileSet := token.NewFileSet()
	files := map[string]*ast.File{}
	layerOf := map[string]int{}     // by file
	declared := map[string]string{} // the file of a name at the top of the package
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if files[name], err = parser.ParseFile(fileSet, name, nil, 0); err != nil {
			t.Fatal(err)
		}
		layerOf[name] = -1
		for i, patterns := range layers {
			for _, pattern := range patterns {
				if ok, _ := filepath.Match(pattern, name); ok {
					layerOf[name] = i
				}
			}
		}
		if layerOf[name] < 0 {
			t.Errorf("%s has no layer", name)
		}
		for _, object := range files[name].Scope.Objects {
			declared[object.Name] = name
		}
	}
	for name, file := range files {
		for _, used := range file.Unresolved {
			if from := declared[used.Name]; from != "" && layerOf[from] > layerOf[name] {
				t.Errorf("%s uses %s of %s, which is a later layer", fileSet.Position(used.Pos()), used.Name, from)
			}
		}
	}
}
