package helm

import "github.com/pullcheck/pullcheck/render"

// Options are the options of `helm template` under its own names.
type Options struct {
	// Repo, Chart and Version name a chart to download: the chart repository or registry (oci://), the name, and a
	// version or constraint. They are empty for a chart of the tree.
	Repo, Chart, Version string
	ReleaseName          string // "release-name" if empty, as in `helm template CHART`
	Namespace            string // "default" if empty
	KubeVersion          string // the version of the build's client-go if empty
	APIVersions          []string
	IncludeCRDs          bool
	SkipTests            bool
	NoHooks              bool
	// SkipSchemaValidation accepts values that the chart's schema refuses.
	SkipSchemaValidation bool
	// ValuesFiles are the files of -f, the lowest precedence first. The flags below win over them, in Helm's order: each
	// field over the one before it.
	ValuesFiles []render.File
	SetJSON     []string
	Set         []string
	SetString   []string
	SetFile     []string // KEY=PATH,…
	// SetFiles has the files for the paths in SetFile. A path without an entry is a path of the tree.
	SetFiles map[string]render.File
}
