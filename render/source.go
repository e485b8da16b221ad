package render

import (
	"context"
	"io/fs"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Kind names the kind of a source, and so the engine that renders the source.
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
	// Environment names one set of values of a chart (prod), or the object that declares the source (Application/web).
	// It is empty for a chart with its defaults, a kustomization and manifests.
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
// manifests, or a source that an object declares. Each engine brings its own source type. A source does not change: its
// methods are safe for concurrent use.
type Source interface {
	// ID identifies the source.
	ID() ID
	// Files are the files that the source names itself, in their order: the manifests of a raw source, the values files
	// of a chart with the lowest precedence first. Files that the engine finds below the path are not among them.
	Files() []File
	// Render renders the source. A failure is a *yamldoc.Error where the engine knows the location of the fault. If the
	// context is canceled, Render stops reading files and waiting for the network. It cannot stop a computation of
	// Helm's or Kustomize's library (the templates of a chart, the transformations of a build): that runs to its end.
	Render(ctx context.Context, in In) (*Result, error)
	// Reach returns the part of a tree from which the source can be rendered. It reads files that name other files,
	// such as Chart.yaml and kustomization.yaml, and renders nothing.
	Reach(fsys fs.FS) *Reach
	// Renamed returns the source with every path of the tree replaced by what rename returns for it. A baseline uses it
	// to find a source in a revision in which files had other names.
	Renamed(rename func(path string) string) Source
}

// In is the input of one render of a source.
type In struct {
	// Tree holds the files of the source.
	Tree fs.FS
	// Probe, if not nil, sees every file just before the engine uses it.
	Probe Probe
}

// Probe sees a file just before an engine uses it, wherever the file comes from (the tree, a packaged chart, a
// download, a flag), and returns the data that the engine uses instead. For example, package origin replaces the value
// of image.pullPolicy in values.yaml by a token, and looks for the token in the manifests. One render calls its probe
// from one goroutine; two renders may call one probe at the same time.
//
// With a probe, charts are rendered leniently, as `helm lint` does: schemas are not enforced, and the template
// functions fail and required do not end the render.
type Probe func(Input) []byte

// Input is a file that an engine is about to use.
type Input struct {
	// Path is slash-separated and relative to the root of the tree, as in yamldoc.Location. The path of a file that is
	// not in the user's tree begins with the URL from which the file was fetched.
	Path string
	Use  Use
	Data []byte
	// Outside is true for data that is not a file of any tree, such as inline values. Path then only names the data.
	Outside bool
	// From is the location in the user's tree that names the URL of a fetched file. Its path is empty for a file of the
	// user's tree.
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
	UseInflated                 // the output of a chart in a kustomization; the probe has seen the chart's files before
	UseDeclaration              // the file with the object that declares the source, or a file with options for it
)

// File is a file of the tree, or data that a flag, standard input or an object gives.
type File struct {
	// Path is slash-separated and relative to the root of the tree. With Data it only names the data.
	Path string
	// Data, if not nil, is the content of the file, and the tree is not read.
	Data []byte
}

// Read returns the content of the file: Data, or else the file at Path. The error is the error of the tree.
func (f File) Read(fsys fs.FS) ([]byte, error) {
	if f.Data != nil {
		return f.Data, nil
	}
	return fs.ReadFile(fsys, f.Path)
}

// RenameFiles returns a copy of the files in which rename has replaced every path of the tree. Paths of files with Data
// stay as they are.
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

// Unrendered is a source that was found but cannot or should not be rendered, such as an Application of another
// repository. Either Skip or Err says why, and the other one is nil. The engine is not called.
type Unrendered struct {
	As ID
	// Skip is the reason why the source is left out on purpose.
	Skip *Skip
	// Err is the failure.
	Err error
	// Paths are files and directories. A change in one of them can make the source renderable.
	Paths []string
	// Downloaded is true if Skip or Err may quote downloaded content.
	Downloaded bool
}

// ID implements Source.
func (u Unrendered) ID() ID { return u.As }

// Files implements Source.
func (u Unrendered) Files() []File { return nil }

// Render implements Source.
func (u Unrendered) Render(ctx context.Context, _ In) (*Result, error) {
	if u.Downloaded {
		fetch.NoteDownload(ctx)
	}
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
