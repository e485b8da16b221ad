package render

import (
	"context"
	"io/fs"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Kind names what a source is, and so the engine that renders it.
type Kind string

// The kinds of sources, as the JSON report names them.
const (
	Helm      Kind = "helm"
	Kustomize Kind = "kustomize"
	Raw       Kind = "raw"
)

// ID identifies a source within a tree.
type ID struct {
	Kind Kind
	// Path is slash-separated and relative to the root of the tree: a chart (directory or .tgz), the directory of a
	// kustomization, a manifest file or a directory of manifests. "-" is standard input.
	Path string
	// Environment names one set of values of a chart, or the object that declares the source (Application/web). It is
	// empty for a chart's defaults and for a source that stands for itself.
	Environment string
}

// String returns the name of the source in messages: path, or path (environment).
func (id ID) String() string {
	if id.Environment == "" {
		return id.Path
	}
	return id.Path + " (" + id.Environment + ")"
}

// Source is one thing that renders to manifests: a chart with its values and release, a kustomization, a set of
// manifests, or what an object declares. Each engine brings its own source type. A source is a value: its methods change
// nothing and are safe for concurrent use.
type Source interface {
	// ID identifies the source.
	ID() ID
	// Files are the files that the source names itself, in their order: the manifests of a raw source, the values files
	// of a chart with the lowest precedence first. Files that the engine finds below the path are not among them.
	Files() []File
	// Render renders the source. A failure is a *yamldoc.Error where the engine knows the place. A canceled context ends
	// what reads files or waits for the network. What Helm's and Kustomize's libraries compute (the templates of a
	// chart, the transformations of a build) runs to its end.
	Render(ctx context.Context, in In) (*Result, error)
	// Reach returns the part of a tree from which the source can be rendered. It renders nothing.
	Reach(fsys fs.FS) *Reach
	// Renamed returns the source with every path of the tree replaced by what rename returns for it. A baseline uses it
	// to find a source in a revision in which files had other names.
	Renamed(rename func(path string) string) Source
}

// In is what one render of a source is given.
type In struct {
	// Tree holds the files of the source.
	Tree fs.FS
	// Probe, if not nil, sees every file just before the engine uses it.
	Probe Probe
}

// Probe sees a file just before an engine uses it, wherever the file comes from (the tree, a packaged chart, a download,
// a flag), and returns the data that the engine uses instead. One render calls its probe from one goroutine.
//
// With a probe, charts are rendered leniently, as `helm lint` does: schemas are not enforced, and neither fail nor
// required ends the render.
type Probe func(Input) []byte

// Input is a file that an engine is about to use.
type Input struct {
	// Path is as in yamldoc.Location. The path of a file that is not in the user's tree begins with the URL from which
	// the file was fetched.
	Path string
	Use  Use
	Data []byte
	// Outside is true for data that is not a file of any tree, such as inline values. Path then only names the data.
	Outside bool
	// From is the place where the user's tree names what was fetched. Its path is empty for the user's own files.
	From yamldoc.Location
}

// Use says how an engine uses a file.
type Use int

// The uses of files.
const (
	UseTemplate      Use = iota // a file in a chart's templates directory
	UseValues                   // a values file: the chart's own, or one that the user gives
	UseFlag                     // the argument of a flag: KEY=VALUE,…
	UseMetadata                 // Chart.yaml
	UseChartFile                // any other file of a chart, which templates may read
	UseResource                 // a file with objects that a kustomization names
	UsePatch                    // a patch or other configuration that a kustomization names
	UseKustomization            // a kustomization file
	UseInflated                 // the output of a chart in a kustomization; the chart's own files were seen before
	UseDeclaration              // the file with the object that declares the source, or a file that completes the object
)

// File is a file of the tree, or data that a flag, standard input or an object gives.
type File struct {
	// Path is slash-separated and relative to the root of the tree. With Data it only names the data.
	Path string
	// Data, if not nil, is the content, and the tree is not read.
	Data []byte
}

// Read returns the content of the file.
func (f File) Read(fsys fs.FS) ([]byte, error) {
	if f.Data != nil {
		return f.Data, nil
	}
	return fs.ReadFile(fsys, f.Path)
}

// RenameFiles returns a copy of the files with the paths of the tree replaced by what rename returns for them.
func RenameFiles(files []File, rename func(path string) string) []File {
	var renamed []File
	for _, file := range files {
		if file.Data == nil {
			file.Path = rename(file.Path)
		}
		renamed = append(renamed, file)
	}
	return renamed
}

// Unrendered is a source that is known and not rendered: Skip or Err says why. Exactly one of the two is set.
type Unrendered struct {
	As ID
	// Skip is the reason why the source is left out on purpose.
	Skip *Skip
	// Err is the failure.
	Err error
	// Paths are the files and directories of which a change can make the source renderable.
	Paths []string
}

// ID implements Source.
func (u Unrendered) ID() ID { return u.As }

// Files implements Source.
func (u Unrendered) Files() []File { return nil }

// Render implements Source.
func (u Unrendered) Render(context.Context, In) (*Result, error) {
	if u.Err != nil {
		return nil, u.Err
	}
	return &Result{Skip: u.Skip}, nil
}

// Reach implements Source.
func (u Unrendered) Reach(fsys fs.FS) *Reach {
	reach := NewReach(fsys)
	for _, name := range u.Paths {
		reach.File(name)
	}
	return reach
}

// Renamed implements Source.
func (u Unrendered) Renamed(rename func(string) string) Source {
	u.As.Path = rename(u.As.Path)
	return u
}
