package declared

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Source is a source that an object declares. Each render reads the object again in its own tree, so that an edit of
// the object, or of a template or values file that renders to the object, has its effect.
type Source struct {
	Declaration
	found       render.Source // the source in the tree in which Find found the object
	environment string
	item        Declared
	object      *object
}

// Declaration is the location of the object that declares a source. An edit can add an option there, such as a value.
type Declaration struct {
	Layout
	// Path is the file of the object, or the template or kustomization that renders to the object.
	Path string
	// Document is the number of YAML documents before the object in the file.
	Document int
	// Object is the path to the options of the source in the object: spec.source.
	Object yamldoc.Path
	// Reads are the files and directories on which the object and its options depend. The files of the source itself
	// are not among them.
	Reads []string
}

var _ render.Source = (*Source)(nil)

// ID implements render.Source.
func (s *Source) ID() render.ID {
	id := s.found.ID()
	id.Environment = s.environment
	return id
}

// Files implements render.Source.
func (s *Source) Files() []render.File { return s.found.Files() }

// Reach implements render.Source.
func (s *Source) Reach(fsys fs.FS) *render.Reach {
	reach := s.found.Reach(fsys)
	for _, name := range s.Reads {
		reach.File(name)
	}
	return reach
}

// Renamed implements render.Source.
func (s *Source) Renamed(rename func(string) string) render.Source {
	renamed := *s
	renamed.Path = rename(s.Path)
	renamed.found = s.found.Renamed(rename)
	return &renamed
}

// Render implements render.Source. The probe sees the file of the object, and the files from which the object is
// rendered, as render.UseDeclaration. The engine would then show it the flags and inline values of the object a second
// time; Render leaves these out.
func (s *Source) Render(ctx context.Context, in render.In) (*render.Result, error) {
	if s.object.downloaded {
		fetch.NoteDownload(ctx)
	}
	source, err := s.Resolve(ctx, in)
	if err != nil {
		return nil, err
	}
	if in.Probe == nil {
		return source.Render(ctx, in)
	}
	return source.Render(ctx, render.In{Tree: in.Tree, Probe: func(input render.Input) []byte {
		if input.Use == render.UseFlag || input.Outside && input.Use == render.UseValues {
			return input.Data
		}
		return in.Probe(input)
	}})
}

// GoneError is the error for an object that is not in a tree any more, or that declares a source no more.
type GoneError string

// Error implements error.
func (e GoneError) Error() string { return string(e) }

func gone(format string, args ...any) error { return GoneError(fmt.Sprintf(format, args...)) }

// Continues reports whether the source is what another source of another revision has become: whether both are
// declared by an object with the same kind and name, which comes from the same file, or which is now rendered from it.
func (s *Source) Continues(other *Source) bool {
	return s.item.Name == other.item.Name && s.item.Index == other.item.Index &&
		(s.Path == other.Path || slices.Contains(s.Reads, other.Path))
}

// Resolve returns the source that the object declares in a tree, with its options in this tree. The error is a
// *yamldoc.Error located at the object, with a GoneError if the object or the source is gone. Resolve expands the
// object again only if a file has changed on which the object depends, because one object can declare hundreds of
// sources.
func (s *Source) Resolve(ctx context.Context, in render.In) (render.Source, error) {
	seen := withProbe(in)
	// For an object in the output of a source, isUnchanged does not see the effect of a probe: the files have to be
	// rendered again.
	if s.Path == s.object.file && (s.object.inFile || in.Probe == nil) && s.object.isUnchanged(seen) {
		return s.resolve(s.item, seen)
	}
	object, err := s.object.reload(ctx, in, s.Path)
	if err != nil {
		return nil, err
	}
	subject := strings.Replace(s.item.Name, "/", " ", 1)
	if object == nil {
		return nil, located(s.Path, gone("there is no %s any more", subject))
	}
	err = gone("there is no %s any more", subject)
	for _, item := range s.object.declarer.Expand(seen, s.Path, object) {
		switch {
		case item.Name != s.item.Name:
		case item.Err != nil:
			return nil, located(s.Path, item.Err)
		case item.Index == s.item.Index:
			return s.resolve(item, seen)
		default:
			err = gone("the %s has no source %d any more", subject, s.item.Index+1)
		}
	}
	return nil, located(s.Path, err)
}

// resolve returns the source of an item. It is an error if the source now has another kind: an ID has one kind.
func (s *Source) resolve(item Declared, fsys fs.FS) (render.Source, error) {
	source, err := item.Resolve(fsys)
	if err != nil {
		return nil, located(s.Path, err)
	}
	if kind, expected := source.ID().Kind, s.found.ID().Kind; kind != expected {
		subject := strings.Replace(s.item.Name, "/", " ", 1)
		return nil, located(s.Path,
			fmt.Errorf("the %s: source %d is of the kind %s, expected %s", subject, item.Index+1, kind, expected))
	}
	return source, nil
}

// withProbe returns the tree of a render, in which the probe of the render replaces the content of every file.
func withProbe(in render.In) fs.FS {
	if in.Probe == nil {
		return in.Tree
	}
	return tree.Probed{FS: in.Tree, Probe: func(name string, data []byte) []byte {
		return in.Probe(render.Input{Path: name, Use: render.UseDeclaration, Data: data})
	}}
}

// located returns an error located at a file, unless the error already has a location.
func located(file string, err error) error {
	failure := &yamldoc.Error{}
	if known := (*yamldoc.Error)(nil); errors.As(err, &known) {
		*failure = *known
	} else {
		failure.Err = err
	}
	failure.Location.Path = cmp.Or(failure.Location.Path, file)
	return failure
}

// object is an object that declares sources, with the files on which it depends.
type object struct {
	declarer Declarer
	value    Object
	// If inFile is true, file is the file of the object, and document is the number of YAML documents before it.
	// Otherwise, file is the template or kustomization that renders to the object.
	file     string
	document int
	inFile   bool
	// reads has the content of the files that were read for the object and for its expansion. reach has more files and
	// directories: if one of them changes, the object may change.
	reads map[string][]byte
	reach []string
	// downloaded is true if the object may have downloaded content, because it is the output of a source that uses some.
	downloaded bool
	// reload returns the object in the tree of a render, with its probe; nil if the object is gone. file is the path of
	// the object in this tree.
	reload func(ctx context.Context, in render.In, file string) (Object, error)
}

// paths returns the files and directories on which the object depends, sorted.
func (o *object) paths() []string {
	paths := append(slices.Collect(maps.Keys(o.reads)), o.reach...)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// isUnchanged reports whether all files of reads have the same content in another tree.
func (o *object) isUnchanged(fsys fs.FS) bool {
	for name, data := range o.reads {
		if now, err := fs.ReadFile(fsys, name); err != nil || !bytes.Equal(now, data) {
			return false
		}
	}
	return true
}

// skipOf returns the *render.Skip in the chain of an error; nil if there is none.
func skipOf(err error) *render.Skip {
	skip := (*render.Skip)(nil)
	errors.As(err, &skip)
	return skip
}
