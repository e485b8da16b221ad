package helm

import "github.com/pullcheck/pullcheck/render"

// Options are the options of `helm template`, with the names of its flags.
type Options struct {
	// Repo, Chart and Version name a chart to download: the chart repository or registry (oci://), the name, and a
	// version or constraint. They are empty for a chart of the tree.
	Repo, Chart, Version string
	ReleaseName          string // if empty, release-name, as in `helm template CHART`
	Namespace            string // if empty, default
	KubeVersion          string // if empty, DefaultKubeVersion
	APIVersions          []string
	IncludeCRDs          bool
	SkipTests            bool
	NoHooks              bool
	// SkipSchemaValidation accepts values that the chart's schema refuses.
	SkipSchemaValidation bool
	// ValuesFiles are the files of -f, the lowest precedence first. The fields below have a higher precedence, each
	// field a higher one than the field above it, as in Helm.
	ValuesFiles []render.File
	SetJSON     []string
	Set         []string
	SetString   []string
	SetFile     []string // KEY=PATH,…
	// SetFiles has the files for the paths in SetFile. A path without an entry is a path of the tree.
	SetFiles map[string]render.File
}

// GivesValues reports whether the options have values: values files, or any of the --set flags.
func (o Options) GivesValues() bool {
	return len(o.ValuesFiles)+len(o.SetJSON)+len(o.Set)+len(o.SetString)+len(o.SetFile) > 0
}

// WithoutValues returns the options without values files and without any of the --set flags.
func (o Options) WithoutValues() Options {
	o.ValuesFiles, o.SetJSON, o.Set, o.SetString, o.SetFile, o.SetFiles = nil, nil, nil, nil, nil, nil
	return o
}
