package fix

import (
	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Rendered is a source that was rendered and checked, or one that a fix may affect.
type Rendered struct {
	Source render.Source
	// Reads are the files that the source was rendered from. If it was not rendered, Reach has the files that it can be
	// rendered from.
	Reads []string
	Reach *render.Reach
	// Before is what the source was rendered to; nil if that was not kept.
	Before *Snapshot
	// Candidates are the candidates for the hits of the source, the first to try first.
	Candidates map[check.ContainerRef][]Candidate

	// volatile are the values that differ from render to render; nil until they are needed.
	volatile map[difference]bool
}

// Options say how Prove works.
type Options struct {
	// Jobs is how many sources are rendered at a time; at least 1.
	Jobs int
	// HandsOn reports whether an object hands a field on to the sources that it declares, such as an Application of Argo CD
	// its Helm values. A change of such a field shows in these sources. It may be nil.
	HandsOn func(manifest render.Manifest, path yamldoc.Path) bool
}

// File is a file of the tree and what all fixes together make of it.
type File struct {
	Path          string
	Before, After []byte
}
