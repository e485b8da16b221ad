package tree

import "io/fs"

// Probed is a file system whose ReadFile calls Probe with the path and content of the file, and returns the result of
// Probe. For example, if Probe replaces values in values.yaml, every reader sees the replaced values. Probe runs in the
// goroutine of the reader. Open does not call it.
type Probed struct {
	fs.FS
	Probe func(name string, data []byte) []byte
}

var _ fileSystem = Probed{}

// ReadFile implements fs.ReadFileFS.
func (p Probed) ReadFile(name string) ([]byte, error) {
	data, err := fs.ReadFile(p.FS, name)
	if err != nil {
		return nil, err
	}
	return p.Probe(name, data), nil
}

// Stat implements fs.StatFS.
func (p Probed) Stat(name string) (fs.FileInfo, error) { return fs.Stat(p.FS, name) }

// ReadDir implements fs.ReadDirFS.
func (p Probed) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(p.FS, name) }

// ReadLink implements fs.ReadLinkFS.
func (p Probed) ReadLink(name string) (string, error) { return fs.ReadLink(p.FS, name) }

// Lstat implements fs.ReadLinkFS.
func (p Probed) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(p.FS, name) }
