package fix

import (
	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Rendered is a source that was rendered and checked, or a source that was not rendered and that a fix may affect.
type Rendered struct {
	Source render.Source
	// Reads are the files that the source was rendered from. Reach, if the source was not rendered, has the files
	// and directories that it may read.
	Reads []string
	Reach *render.Reach
	// Before is what the source rendered to; nil if that was not kept. Prove then renders the source once more.
	Before *Snapshot
	// Candidates are the candidates for the hits of the source, the first to try first.
	Candidates map[check.ContainerRef][]Candidate

	// volatile are the values that differ from render to render, such as a random password; nil until they are
	// needed.
	volatile map[difference]bool
}

// Options say how Prove works.
type Options struct {
	// Jobs is how many sources are rendered at a time; at least 1.
	Jobs int
	// HandsOn reports whether an object hands a field on to the sources that it declares: an Application of Argo CD
	// hands its Helm values on. A change of such a field is not a difference of the object; it shows in these
	// sources. HandsOn may be nil.
	HandsOn func(manifest render.Manifest, path yamldoc.Path) bool
}

// File is a file of the tree, before and after all fixes.
type File struct {
	Path          string
	Before, After []byte
}
