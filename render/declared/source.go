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

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Source is a source that an object declares. Rendering it resolves the object again, so that it follows every edit of the
// object, and of whatever the object is made from.
type Source struct {
	Declaration
	// found is the source as it was resolved when it was found.
	found       render.Source
	environment string
	item        Declared
	object      *object
}

// Declaration is the place of the object that declares a source.
type Declaration struct {
	Layout
	// Path is the file in which the object stands, or the template or kustomization that renders to the object.
	Path string
	// Document counts the YAML documents of the file before the object, and Object leads to the options of the source in
	// it.
	Document int
	Object   yamldoc.Path
	// Reads are the files and directories from which the object and its options come, beside those of the source itself.
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

// Render implements render.Source. The probe sees what the object is made from as render.UseDeclaration; it does not see
// the flags and inline values that the object gives once more.
func (s *Source) Render(ctx context.Context, in render.In) (*render.Result, error) {
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

// Resolve returns the source that the object declares in a tree, with the options that it has there. Only where something
// has changed is the object expanded, or rendered, again: one object can declare hundreds of sources.
func (s *Source) Resolve(ctx context.Context, in render.In) (render.Source, error) {
	seen := shown(in)
	// What a probe does to templates shows only in what they render to.
	if s.Path == s.object.file && (s.object.inFile || in.Probe == nil) && s.object.isUnchanged(seen) {
		return s.resolve(s.item, seen)
	}
	object, err := s.object.again(ctx, in, s.Path)
	if err != nil {
		return nil, err
	}
	subject := strings.Replace(s.item.Name, "/", " ", 1)
	if object == nil {
		return nil, located(s.Path, fmt.Errorf("there is no %s any more", subject))
	}
	err = fmt.Errorf("there is no %s any more", subject)
	for _, item := range s.object.declarer.Expand(seen, s.Path, object) {
		switch {
		case item.Name != s.item.Name:
		case item.Err != nil:
			return nil, located(s.Path, item.Err)
		case item.Index == s.item.Index:
			return s.resolve(item, seen)
		default:
			err = fmt.Errorf("the %s has no source %d any more", subject, s.item.Index+1)
		}
	}
	return nil, located(s.Path, err)
}

// resolve resolves the source, which must be of the kind that it was when it was found.
func (s *Source) resolve(item Declared, fsys fs.FS) (render.Source, error) {
	source, err := item.Resolve(fsys)
	if err != nil {
		return nil, located(s.Path, err)
	}
	if kind, expected := source.ID().Kind, s.found.ID().Kind; kind != expected {
		subject := strings.Replace(s.item.Name, "/", " ", 1)
		return nil, located(s.Path, fmt.Errorf("the %s: source %d is of the kind %s, expected %s", subject, item.Index+1, kind, expected))
	}
	return source, nil
}

// shown returns the tree with its files as the probe of a render replaces them.
func shown(in render.In) fs.FS {
	if in.Probe == nil {
		return in.Tree
	}
	return tree.Probed{FS: in.Tree, Probe: func(name string, data []byte) []byte {
		return in.Probe(render.Input{Path: name, Use: render.UseDeclaration, Data: data})
	}}
}

// located gives an error the file of the object, unless the error has a place.
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

// object is an object that declares sources, and what it is made from.
type object struct {
	declarer Declarer
	value    Object
	// file is the file in which the object stands, or the template or kustomization that renders to it. inFile tells the
	// two apart. document counts the YAML documents of the file before the object.
	file     string
	document int
	inFile   bool
	// reads has the files from which the object and its sources are made, with their content. reach has further files and
	// directories of which a change counts.
	reads map[string][]byte
	reach []string
	// again returns the object in another tree, or with the files as a probe replaces them; nil if it is not there.
	again func(ctx context.Context, in render.In, file string) (Object, error)
}

// paths returns the sorted files and directories of which a change can make a difference.
func (o *object) paths() []string {
	paths := append(slices.Collect(maps.Keys(o.reads)), o.reach...)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// isUnchanged reports whether all files from which the object is made have the same content in another tree.
func (o *object) isUnchanged(fsys fs.FS) bool {
	for name, data := range o.reads {
		if now, err := fs.ReadFile(fsys, name); err != nil || !bytes.Equal(now, data) {
			return false
		}
	}
	return true
}

// skipOf returns the Skip that an error is or wraps; nil if there is none.
func skipOf(err error) *render.Skip {
	skip := (*render.Skip)(nil)
	errors.As(err, &skip)
	return skip
}
