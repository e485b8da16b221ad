package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/cmp"
	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render/argocd"
	"github.com/pullcheck/pullcheck/render/helm"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/tree"
)

// sourceFlags are the flags that say how sources are rendered. They have the names that Helm and Kustomize give them,
// so that users can copy flags from `helm template` and `kustomize build`.
type sourceFlags struct {
	valuesFiles    []string // paths as typed, or - for standard input
	loadRestrictor string   // restrictRootOnly or restrictNone
	offline        bool
	allowHosts     []string     // HOST or HOST:PORT
	repoURL        string       // empty for the URL of the remote origin
	helm           helm.Options // without the files that the flags name
	limitFlags
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
	registerAllowHost(flags, &f.allowHosts)
	f.limitFlags.register(flags)
}

// registerAllowHost declares the flag --allow-host, also for commands without the other flags for sources.
func registerAllowHost(flags *pflag.FlagSet, hosts *[]string) {
	flags.StringSliceVar(hosts, "allow-host", nil,
		"download also from this `HOST[:PORT]` if it has a private address or no HTTPS (repeatable)")
}

// network returns the rules for downloads: the hosts of --allow-host, and the proxies of the environment.
func (c *Command) network(allowHosts []string) (fetch.Network, error) {
	network := fetch.Network{Proxies: fetch.FindProxies(c.getenv)}
	for _, text := range allowHosts {
		host, err := fetch.ParseHost(text)
		if err != nil {
			return network, usagef("", "--allow-host %w", err)
		}
		network.Allowed = append(network.Allowed, host)
	}
	return network, nil
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

// open opens the workspace for paths that the user typed: of the repository around them, or of their common directory.
// The path "-" is standard input. If there is no other path, it opens the workspace for the working directory.
func (f *sourceFlags) open(ctx context.Context, c *Command, paths []string) (*scan.Opened, error) {
	if err := f.limitFlags.apply(ctx); err != nil {
		return nil, err
	}
	fromStdin := slices.Contains(paths, helm.StdinName)
	if fromStdin && slices.Contains(f.valuesFiles, helm.StdinName) {
		return nil, usagef("write one of them to a file", "both --values and PATH are -, and there is one standard input")
	}
	typed := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path == helm.StdinName })
	work, names, err := tree.OpenWork(c.Dir, typed)
	if err != nil {
		return nil, err
	}
	var stdin []byte
	if fromStdin {
		if stdin, err = io.ReadAll(c.Stdin); err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
	}
	config, err := f.config(ctx, c, work)
	if err != nil {
		return nil, err
	}
	config.LocalRepositories = true // The user names the paths; review and generate read what a stranger wrote.
	return scan.Open(work, typed, names, stdin, config), nil
}

// config returns the configuration of a workspace, from the flags and the environment. Without --repo-url, it asks git
// for the URL of the remote origin; without git or a remote, the URL stays empty.
func (f *sourceFlags) config(ctx context.Context, c *Command, work *tree.Work) (scan.Config, error) {
	options, err := helm.ReadGiven(work, f.helm, f.valuesFiles, c.Stdin)
	if err != nil {
		return scan.Config{}, usagef("", "%w", err)
	}
	network, err := c.network(f.allowHosts)
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
		Network:       network,
	}, nil
}

// cacheDir returns the directory for downloads: pullcheck below XDG_CACHE_HOME or the user's cache directory. The user
// of a container may have neither; then it is temporaryCacheDir.
func (c *Command) cacheDir() string {
	dir := c.getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			return temporaryCacheDir()
		}
	}
	return filepath.Join(dir, "pullcheck")
}

// temporaryCacheDir returns a directory below the directory for temporary files, with a name of its own for each user.
// If another user has made it, it is refused when it is first needed (fetch.OpenCache).
func temporaryCacheDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("pullcheck-%d", os.Getuid()))
}
