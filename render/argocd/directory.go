package argocd

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/gobwas/glob"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
)

// Directory are the options of a source that is a directory of manifests (ApplicationSourceDirectory).
type Directory struct {
	Recurse                bool   `json:"recurse,omitempty"`
	Include                string `json:"include,omitempty"`
	Exclude                string `json:"exclude,omitempty"`
	DisableExtensionFilter bool   `json:"disableExtensionFilter,omitempty"`
}

// skipMarker is the text with which a file says that Argo CD does not render it (reposerver/repository/repository.go,
// skipFileRenderingMarker).
const skipMarker = "+argocd:skip-file-rendering"

// directory returns the source for a directory of manifests, with the files that Argo CD reads there
// (reposerver/repository/repository.go, getPotentiallyValidManifests).
func directory(fsys fs.FS, s Source) (render.Source, error) {
	source := raw.Source{Path: s.Path}
	options := Directory{}
	if s.Directory != nil {
		options = *s.Directory
	}
	include, err := compile("include", options.Include)
	if err != nil {
		return nil, err
	}
	exclude, err := compile("exclude", options.Exclude)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(fsys, s.Path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != s.Path && !options.Recurse:
			return fs.SkipDir
		case entry.IsDir(), !options.DisableExtensionFilter && !isManifest(name):
			return nil
		}
		if info, err := fs.Stat(fsys, name); errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			return nil // Argo CD ignores a broken symbolic link.
		} else if err != nil {
			return fmt.Errorf(
				"%s: a symbolic link that cannot be followed, and Argo CD renders nothing then: %w", name, err)
		}
		relative := strings.TrimPrefix(strings.TrimPrefix(name, s.Path), "/")
		if exclude != nil && exclude.Match(relative) || include != nil && !include.Match(relative) {
			return nil
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil || bytes.Contains(data, []byte(skipMarker)) {
			return err
		}
		if path.Ext(name) == ".jsonnet" {
			return skipf("%s is Jsonnet, which is not rendered here", name)
		}
		source.Manifests = append(source.Manifests, render.File{Path: name})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return source, nil
}

// isManifest reports whether Argo CD reads a file as a manifest, by its extension.
func isManifest(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json", ".jsonnet":
		return true
	}
	return false
}

// compile compiles the pattern of a field; it returns nil for an empty pattern. As in Argo CD (util/glob), * also
// matches slashes.
func compile(field, pattern string) (glob.Glob, error) {
	if pattern == "" {
		return nil, nil
	}
	compiled, err := glob.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is no pattern: %w", field, pattern, err)
	}
	return compiled, nil
}
