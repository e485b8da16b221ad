package kustomize

// Options are the options of `kustomize build` under its own names.
type Options struct {
	// LoadRestrictionsNone lets a kustomization read files from outside its own directory.
	LoadRestrictionsNone bool
	HelmKubeVersion      string
	HelmAPIVersions      []string
	// Edit, if not nil, returns the kustomization file to build instead of the source's own.
	Edit func(kustomization []byte) ([]byte, error)
}
