package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/strvals"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// sourceFlags are the flags that say how sources are rendered, under Helm's and Kustomize's own names.
type sourceFlags struct {
	valuesFiles    []string
	loadRestrictor string
	offline        bool
	repoURL        string
	helm           render.HelmOptions
}

const (
	restrictRootOnly = "LoadRestrictionsRootOnly"
	restrictNone     = "LoadRestrictionsNone"
)

func (f *sourceFlags) register(flags *pflag.FlagSet) {
	flags.StringSliceVarP(&f.valuesFiles, "values", "f", nil, "values `file` for charts, - for standard input (repeatable)")
	flags.StringArrayVar(&f.helm.Set, "set", nil, "values for charts: `KEY=VALUE,…` (repeatable)")
	flags.StringArrayVar(&f.helm.SetString, "set-string", nil, "values that are strings: `KEY=VALUE,…` (repeatable)")
	flags.StringArrayVar(&f.helm.SetFile, "set-file", nil, "values that are the content of files: `KEY=PATH,…` (repeatable)")
	flags.StringArrayVar(&f.helm.SetJSON, "set-json", nil, "values in JSON: `KEY=JSON,…` (repeatable)")
	flags.StringVar(&f.helm.ReleaseName, "release", "", "`name` of the Helm release (default release-name)")
	flags.StringVarP(&f.helm.Namespace, "namespace", "n", "", "`name` of the namespace of the Helm release (default default)")
	flags.StringVar(&f.helm.KubeVersion, "kube-version", "", "Kubernetes `version` that charts see (default "+helm.DefaultKubeVersion+")")
	flags.StringSliceVarP(&f.helm.APIVersions, "api-versions", "a", nil, "more Kubernetes `API versions` that charts see")
	flags.BoolVar(&f.helm.IncludeCRDs, "include-crds", false, "include the objects in the crds directories of charts")
	flags.BoolVar(&f.helm.SkipTests, "skip-tests", false, "leave the test hooks of charts out")
	flags.StringVar(&f.loadRestrictor, "load-restrictor", restrictRootOnly, "what kustomizations may read: "+restrictRootOnly+" or "+restrictNone)
	flags.StringVar(&f.repoURL, "repo-url", "", "`URL` by which Applications of Argo CD name this repository (default: that of the remote origin)")
	flags.BoolVar(&f.offline, "offline", false, "download nothing: use what is vendored or in the cache")
}

// validate checks what the flags say before anything is rendered, so that a slip in one is not the failure of
// every source.
func (f *sourceFlags) validate() error {
	if f.helm.KubeVersion != "" {
		if _, err := chartutil.ParseKubeVersion(f.helm.KubeVersion); err != nil {
			return usagef("--kube-version 1.31", "--kube-version %q is no version", f.helm.KubeVersion)
		}
	}
	if f.helm.ReleaseName != "" {
		if err := chartutil.ValidateReleaseName(f.helm.ReleaseName); err != nil {
			return usagef("use lower case letters, digits, - and . only", "--release %q: %w", f.helm.ReleaseName, err)
		}
	}
	if f.loadRestrictor != restrictRootOnly && f.loadRestrictor != restrictNone {
		return usagef("pullcheck check --help", "--load-restrictor %q, expected %s or %s", f.loadRestrictor, restrictRootOnly, restrictNone)
	}
	return nil
}

// apply puts what the flags say into the sources. With -f the given files are the values of every chart, and
// the environments found beside it do not count.
func (f *sourceFlags) apply(c *Command, tree *workTree, sources []render.Source) ([]render.Source, error) {
	if slices.Contains(f.valuesFiles, "-") && slices.ContainsFunc(sources, func(s render.Source) bool { return s.Path == "-" }) {
		return nil, usagef("write one of them to a file", "both --values and PATH are -, and there is one standard input")
	}
	files, err := f.readValuesFiles(c, tree)
	if err != nil {
		return nil, err
	}
	if len(files) > 0 {
		sources = slices.DeleteFunc(sources, func(s render.Source) bool { return s.Environment != "" })
	}
	options := f.helm
	if options.SetFiles, err = findSetFiles(tree, options.SetFile); err != nil {
		return nil, err
	}
	if _, err := helm.Values(tree.files, options, nil); err != nil {
		return nil, usagef("", "%w", err)
	}
	for i := range sources {
		environment := sources[i].Helm.ValuesFiles
		sources[i].Helm = options
		sources[i].Helm.ValuesFiles = slices.Concat(environment, files)
		sources[i].Kustomize = render.KustomizeOptions{
			LoadRestrictionsNone: f.loadRestrictor == restrictNone,
			HelmKubeVersion:      options.KubeVersion,
			HelmAPIVersions:      options.APIVersions,
		}
	}
	return sources, nil
}

// findSetFiles finds the files that the values of --set-file name.
func findSetFiles(tree *workTree, flags []string) (map[string]render.File, error) {
	files := map[string]render.File{}
	for _, flag := range flags {
		err := strvals.ParseIntoFile(flag, map[string]any{}, func(name []rune) (any, error) {
			file, err := tree.given(string(name))
			files[string(name)] = file
			return "", err
		})
		if err != nil {
			return nil, usagef("", "--set-file: %w", err)
		}
	}
	return files, nil
}

// readValuesFiles finds the files of -f, of which one may be standard input.
func (f *sourceFlags) readValuesFiles(c *Command, tree *workTree) ([]render.File, error) {
	var files []render.File
	for _, name := range f.valuesFiles {
		file := render.File{Path: name}
		var err error
		if name == "-" {
			file.Data, err = io.ReadAll(c.Stdin)
		} else {
			file, err = tree.given(name)
		}
		if err == nil {
			_, err = helm.ReadValues(tree.files, file)
		}
		if err != nil {
			return nil, valuesError(name, err)
		}
		files = append(files, file)
	}
	return files, nil
}

func valuesError(name string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return usagef("values files are relative to the working directory", "--values %s does not exist", name)
	}
	hint := ""
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		hint = failure.Hint
	}
	return usagef(hint, "--values %w", err)
}

// found is what stands at a PATH.
type found struct {
	file    string // the name of the file that PATH is; empty if it is none
	sources []render.Source
}

// find finds the sources at and below each path; "-" is standard input. A file stands for itself.
func find(ctx context.Context, c *Command, paths []string) (*workTree, []found, error) {
	var all []found
	var onDisk []string
	for _, path := range paths {
		if path == "-" && len(all) > 0 {
			continue
		}
		if path != "-" {
			onDisk = append(onDisk, path)
			continue
		}
		data, err := io.ReadAll(c.Stdin)
		if err != nil {
			return nil, nil, fmt.Errorf("standard input: %w", err)
		}
		all = append(all, found{sources: []render.Source{{
			Kind: render.Raw, Path: "-", Files: []render.File{{Path: "-", Data: append([]byte{}, data...)}},
		}}})
	}
	tree, names, err := openTree(onDisk)
	if err != nil {
		return nil, nil, err
	}
	for i, name := range names {
		sources, err := render.Discover(ctx, tree.files, name)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", onDisk[i], err)
		}
		if len(sources) == 0 {
			return nil, nil, nothingError(onDisk[i])
		}
		info, err := fs.Stat(tree.files, name)
		if err != nil {
			return nil, nil, err
		}
		if info.IsDir() {
			name = ""
		}
		all = append(all, found{name, sources})
	}
	return tree, all, nil
}

// discover finds the sources of the paths, where a file stands for itself.
func discover(ctx context.Context, c *Command, paths []string) (*workTree, []render.Source, error) {
	tree, all, err := find(ctx, c, paths)
	return tree, sourcesOf(all), err
}

func sourcesOf(all []found) []render.Source {
	var sources []render.Source
	for _, f := range all {
		sources = append(sources, f.sources...)
	}
	return dropRepeated(sources)
}

// discover finds the sources of the paths and puts in what the flags say. A file stands for what is rendered from it,
// wherever that is in the tree, or else for itself.
func (f *sourceFlags) discover(ctx context.Context, c *Command, engines map[render.Kind]render.Engine, paths []string) (*workTree, []render.Source, error) {
	tree, all, err := find(ctx, c, paths)
	if err != nil {
		return nil, nil, err
	}
	var whole []render.Source
	if slices.ContainsFunc(all, func(at found) bool { return at.file != "" }) {
		if whole, err = render.Discover(ctx, tree.files, "."); err != nil {
			return nil, nil, err
		}
	}
	applied, err := f.apply(c, tree, dropRepeated(slices.Concat(sourcesOf(all), whole)))
	if err != nil {
		return nil, nil, err
	}
	// complete are those of some sources that the flags leave, with the Applications in them.
	complete := func(some []render.Source) []render.Source {
		return f.applications(ctx, tree, engines, slices.DeleteFunc(slices.Clone(applied), func(s render.Source) bool {
			return !slices.ContainsFunc(some, func(other render.Source) bool { return other.ID() == s.ID() })
		}))
	}
	directories := slices.DeleteFunc(slices.Clone(all), func(at found) bool { return at.file != "" })
	sources := complete(sourcesOf(directories))
	index := render.NewIndex(tree.files, complete(whole))
	for _, at := range all {
		if at.file == "" {
			continue
		}
		readers := index.Readers(at.file)
		if len(readers) == 0 {
			readers = complete(at.sources)
		}
		sources = append(sources, readers...)
	}
	return tree, dropRepeated(sources), nil
}

// nothingError is the error for paths that hold nothing that could be deployed.
func nothingError(paths ...string) error {
	return usagef(pathHint,
		"nothing to check in %s: no chart, no kustomization, no Kubernetes object", strings.Join(paths, ", "))
}

// dropRepeated keeps the first of sources that two paths have in common.
func dropRepeated(sources []render.Source) []render.Source {
	seen := map[render.SourceID]bool{}
	return slices.DeleteFunc(sources, func(s render.Source) bool {
		known := seen[s.ID()]
		seen[s.ID()] = true
		return known
	})
}

// newEngines makes the engines of all kinds. Downloads are kept in the user's cache directory.
func newEngines(offline bool) map[render.Kind]render.Engine {
	cache, err := os.UserCacheDir()
	if err != nil {
		// A container's user may have no home.
		cache = os.TempDir()
	}
	return enginesWith(filepath.Join(cache, "pullcheck"), offline)
}

// enginesWith makes the engines of all kinds, with the cache in a directory.
func enginesWith(cache string, offline bool) map[render.Kind]render.Engine {
	charts := &helm.Charts{Dir: filepath.Join(cache, "charts"), Offline: offline}
	helmEngine := &helm.Engine{Charts: charts}
	return map[render.Kind]render.Engine{
		render.Helm: helmEngine,
		render.Kustomize: &kustomize.Engine{
			Charts: charts, Helm: helmEngine, Dir: filepath.Join(cache, "git"), Env: os.Environ(), Offline: offline,
		},
		render.Raw: raw.Engine{},
	}
}
