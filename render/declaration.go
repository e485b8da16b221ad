package render

import "io/fs"

// Declaration is what declares a source that does not stand for itself: a file with an Application of Argo CD, say.
type Declaration struct {
	// Path is that of the file.
	Path string
	// Document counts the YAML documents of the file before the object, and Object leads in it to what has the options; an
	// edit can add some there.
	Document int
	Object   Path
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
	return probed{fsys, s.Probe}
}

// probed is a tree whose files a probe sees when they are read as a whole.
type probed struct {
	fs.FS
	probe func(Input) []byte
}

var _ interface {
	fs.StatFS
	fs.ReadFileFS
	fs.ReadDirFS
	fs.ReadLinkFS
} = probed{}

// ReadFile implements fs.ReadFileFS.
func (p probed) ReadFile(name string) ([]byte, error) {
	data, err := fs.ReadFile(p.FS, name)
	if err != nil {
		return nil, err
	}
	return p.probe(Input{Path: name, Use: UseDeclaration, Data: data}), nil
}

// Stat implements fs.StatFS.
func (p probed) Stat(name string) (fs.FileInfo, error) { return fs.Stat(p.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (p probed) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(p.FS, name) }

// ReadLink implements fs.ReadLinkFS.
func (p probed) ReadLink(name string) (string, error) { return fs.ReadLink(p.FS, name) }

// Lstat implements fs.ReadLinkFS.
func (p probed) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(p.FS, name) }
