package kustomize

// Options are the options of `kustomize build`, with the names of its flags.
type Options struct {
	// LoadRestrictionsNone is --load-restrictor LoadRestrictionsNone: a kustomization may read files outside its
	// directory.
	LoadRestrictionsNone bool
	HelmKubeVersion      string   // --helm-kube-version
	HelmAPIVersions      []string // --helm-api-versions
	// Edit, if not nil, gets the content of the source's kustomization file, and returns the content to build. Argo CD
	// edits kustomizations so. Kustomizations that the source names are not edited.
	Edit func(kustomization []byte) ([]byte, error)
}
