package render

import (
	"io/fs"

	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Declaration is what declares a source that does not stand for itself: a file with an Application of Argo CD, say.
type Declaration struct {
	// Path is that of the file.
	Path string
	// Document counts the YAML documents of the file before the object, and Object leads in it to what has the options; an
	// edit can add some there.
	Document int
	Object   yamldoc.Path
	// Values and ValuesText lead from what Object leads to, to the values for a chart: to a mapping, and to a text that is a
	// mapping in YAML. Where neither is there, a mapping can be inserted at Values.
	Values, ValuesText yamldoc.Path
	// Identity are the keys below which the object says which thing is deployed, and not with which values: repoURL, say.
	Identity []string
	// Reads are the files and directories, beside those of the source itself, that the options come from: this one, those of
	// generators, and those of another source that renders to what declares this one.
	Reads []string
	// Complete returns the source with its options as they are in a tree now. The source's probe is to see what it reads there.
	Complete func(fsys fs.FS, source Source) (Source, error)
}

// Completed returns the source with the options of its declaration in a tree, which the source's probe sees. What they
// give is not shown to the probe once more.
func (s Source) Completed(fsys fs.FS) (Source, error) {
	if s.Declared == nil {
		return s, nil
	}
	completed, err := s.Declared.Complete(fsys, s)
	probe := s.Probe
	if probe == nil {
		return completed, err
	}
	completed.Probe = func(in Input) []byte {
		if in.Use == UseFlag || in.Outside && in.Use == UseValues {
			return in.Data
		}
		return probe(in)
	}
	return completed, err
}

// Shown is a tree whose files the source's probe sees, if there is one, when they are read as a whole.
func (s Source) Shown(fsys fs.FS) fs.FS {
	if s.Probe == nil {
		return fsys
	}
	return tree.Probed{FS: fsys, Probe: func(name string, data []byte) []byte {
		return s.Probe(Input{Path: name, Use: UseDeclaration, Data: data})
	}}
}
