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

	"github.com/spf13/pflag"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/strvals"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/cmp"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/argocd"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// sourceFlags are the flags that say how sources are rendered, under Helm's and Kustomize's own names.
type sourceFlags struct {
	valuesFiles    []string
	loadRestrictor string
	offline        bool
	repoURL        string
	helm           helm.Options
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

// helmOptions returns the options of charts, with the files that the flags name.
func (f *sourceFlags) helmOptions(c *Command, work *tree.Work) (helm.Options, error) {
	options := f.helm
	var err error
	if options.ValuesFiles, err = f.readValuesFiles(c, work); err != nil {
		return options, err
	}
	if options.SetFiles, err = findSetFiles(work, options.SetFile); err != nil {
		return options, err
	}
	if _, err := helm.Values(work.Files, options, nil); err != nil {
		return options, usagef("", "%w", err)
	}
	return options, nil
}

// givenFile returns a file that a flag names. A file outside of the tree is read here.
func givenFile(work *tree.Work, path string) (render.File, error) {
	if name, ok := work.Name(path); ok {
		return render.File{Path: name}, nil
	}
	data, err := work.ReadOutside(path)
	return render.File{Path: path, Data: data}, err
}

// findSetFiles finds the files that the values of --set-file name.
func findSetFiles(work *tree.Work, flags []string) (map[string]render.File, error) {
	files := map[string]render.File{}
	for _, flag := range flags {
		err := strvals.ParseIntoFile(flag, map[string]any{}, func(name []rune) (any, error) {
			file, err := givenFile(work, string(name))
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
func (f *sourceFlags) readValuesFiles(c *Command, work *tree.Work) ([]render.File, error) {
	var files []render.File
	for _, name := range f.valuesFiles {
		file := render.File{Path: name}
		var err error
		if name == stdinName {
			file.Data, err = io.ReadAll(c.Stdin)
		} else {
			file, err = givenFile(work, name)
		}
		if err == nil {
			_, err = helm.ReadValues(work.Files, file)
		}
		if err != nil {
			return nil, valuesError(name, err)
		}
		files = append(files, file)
	}
	return files, nil
}

func valuesError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("values files are relative to the working directory", "--values %s does not exist", name)
	}
	hint := ""
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		hint = failure.Hint
	}
	return usagef(hint, "--values %w", err)
}

// open opens the workspace around some paths, of which "-" is standard input. Without a path on disk it is the workspace
// around the working directory.
func (f *sourceFlags) open(ctx context.Context, c *Command, paths []string) (*scan.Opened, error) {
	fromStdin := slices.Contains(paths, stdinName)
	if fromStdin && slices.Contains(f.valuesFiles, stdinName) {
		return nil, usagef("write one of them to a file", "both --values and PATH are -, and there is one standard input")
	}
	typed := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path == stdinName })
	work, names, err := tree.OpenWork(c.Dir, typed)
	if err != nil {
		return nil, err
	}
	var stdin []byte
	if fromStdin {
		if stdin, err = io.ReadAll(c.Stdin); err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		stdin = append([]byte{}, stdin...) // Empty input is not nil.
	}
	config, err := f.config(ctx, c, work)
	if err != nil {
		return nil, err
	}
	return scan.Open(work, typed, names, stdin, config), nil
}

// config returns what the flags and the environment say of a workspace.
func (f *sourceFlags) config(ctx context.Context, c *Command, work *tree.Work) (scan.Config, error) {
	options, err := f.helmOptions(c, work)
	if err != nil {
		return scan.Config{}, err
	}
	repositoryURL := f.repoURL
	if repositoryURL == "" {
		if repository, err := git.Open(ctx, work.Root, c.Env); err == nil {
			repositoryURL = repository.Origin(ctx)
		}
	}
	return scan.Config{
		Tree: work.Files,
		Helm: options,
		Kustomize: kustomize.Options{
			LoadRestrictionsNone: f.loadRestrictor == restrictNone,
			HelmKubeVersion:      options.KubeVersion,
			HelmAPIVersions:      options.APIVersions,
		},
		RepositoryURL: repositoryURL,
		Plugins:       map[string]argocd.ResolvePlugin{cmp.PluginName: cmp.Resolve},
		Credentials:   chartrepo.FindConfigFiles(c.getenv),
		CacheDir:      c.cacheDir(),
		Env:           c.Env,
		Offline:       f.offline,
	}, nil
}

// cacheDir returns the directory that keeps downloads. The user of a container may have no home.
func (c *Command) cacheDir() string {
	dir := c.getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			dir = os.TempDir()
		}
	}
	return filepath.Join(dir, "pullcheck")
}
