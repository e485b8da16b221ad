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

// sourceFlags are the flags that say how sources are rendered. They have the names that Helm and Kustomize give them,
// so that users can copy flags from `helm template` and `kustomize build`.
type sourceFlags struct {
	valuesFiles    []string // paths as typed, or - for standard input
	loadRestrictor string   // restrictRootOnly or restrictNone
	offline        bool
	repoURL        string       // empty for the URL of the remote origin
	helm           helm.Options // without the files that the flags name
}

// The values of --load-restrictor, as in kustomize build.
const (
	restrictRootOnly = "LoadRestrictionsRootOnly"
	restrictNone     = "LoadRestrictionsNone"
)

// register declares the flags. The order is the order of --help.
func (f *sourceFlags) register(flags *pflag.FlagSet) {
	flags.StringSliceVarP(&f.valuesFiles, "values", "f", nil,
		"values `file` for charts, - for standard input (repeatable)")
	flags.StringArrayVar(&f.helm.Set, "set", nil, "values for charts: `KEY=VALUE,…` (repeatable)")
	flags.StringArrayVar(&f.helm.SetString, "set-string", nil, "values that are strings: `KEY=VALUE,…` (repeatable)")
	flags.StringArrayVar(&f.helm.SetFile, "set-file", nil,
		"values that are the content of files: `KEY=PATH,…` (repeatable)")
	flags.StringArrayVar(&f.helm.SetJSON, "set-json", nil, "values in JSON: `KEY=JSON,…` (repeatable)")
	flags.StringVar(&f.helm.ReleaseName, "release", "", "`name` of the Helm release (default release-name)")
	flags.StringVarP(&f.helm.Namespace, "namespace", "n", "",
		"`name` of the namespace of the Helm release (default default)")
	flags.StringVar(&f.helm.KubeVersion, "kube-version", "",
		"Kubernetes `version` that charts see (default "+helm.DefaultKubeVersion+")")
	flags.StringSliceVarP(&f.helm.APIVersions, "api-versions", "a", nil, "more Kubernetes `API versions` that charts see")
	flags.BoolVar(&f.helm.IncludeCRDs, "include-crds", false, "include the objects in the crds directories of charts")
	flags.BoolVar(&f.helm.SkipTests, "skip-tests", false, "leave the test hooks of charts out")
	flags.StringVar(&f.loadRestrictor, "load-restrictor", restrictRootOnly,
		"what kustomizations may read: "+restrictRootOnly+" or "+restrictNone)
	flags.StringVar(&f.repoURL, "repo-url", "",
		"`URL` by which Applications of Argo CD name this repository (default: that of the remote origin)")
	flags.BoolVar(&f.offline, "offline", false, "download nothing: use what is vendored or in the cache")
}

// validate checks the flags before anything is rendered. Otherwise a typing error in one flag would be a failure of
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
		return usagef("pullcheck check --help",
			"--load-restrictor %q, expected %s or %s", f.loadRestrictor, restrictRootOnly, restrictNone)
	}
	return nil
}

// helmOptions returns the options for charts, with the files that -f and --set-file name. It also merges the values
// once without a chart, which finds errors in the flags.
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

// givenFile returns the file that a flag names. A file inside the tree is only named, so that it is read from the tree
// of each render. A file outside of the tree is read now.
func givenFile(work *tree.Work, path string) (render.File, error) {
	if name, ok := work.Name(path); ok {
		return render.File{Path: name}, nil
	}
	data, err := work.ReadOutside(path)
	return render.File{Path: path, Data: data}, err
}

// findSetFiles returns the files that the values of --set-file name, by their names in the values. Helm's parser finds
// the names.
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

// readValuesFiles returns the files of -f in order. One of them may be standard input.
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

// valuesError returns the error for a file of -f, with a hint.
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

// open opens the workspace for paths that the user typed: of the repository around them, or of their common directory.
// The path "-" is standard input. If there is no other path, it opens the workspace for the working directory.
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
		stdin = append([]byte{}, stdin...) // not nil, also for empty input: scan.Open tells the two apart
	}
	config, err := f.config(ctx, c, work)
	if err != nil {
		return nil, err
	}
	return scan.Open(work, typed, names, stdin, config), nil
}

// config returns the configuration of a workspace, from the flags and the environment. Without --repo-url, it asks git
// for the URL of the remote origin; without git or a remote, the URL stays empty.
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

// cacheDir returns the directory for downloads: pullcheck below XDG_CACHE_HOME or the user's cache directory. The user
// of a container may have neither; then it is below the directory for temporary files.
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
