package tree

import "io/fs"

// Probed is a file system that shows each file to Probe when the file is read as a whole, and hands on what Probe
// returns. For example, a probe that replaces the values in values.yaml makes every reader see the replaced values.
// Probe is called with the path and content of the file, in the goroutine of the reader.
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
