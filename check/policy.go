package check

import (
	// A digest parses only if its hash is linked into the program.
	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/distribution/reference"
)

// The pull policies that the API server accepts, in their exact case.
const (
	Always       = "Always"
	IfNotPresent = "IfNotPresent"
	Never        = "Never"
)

// Effective returns the pull policy that the API server makes of the written one: the written policy
// if it is not empty, else Always for the tag latest and IfNotPresent for everything else, also for an
// image that does not parse (SetDefaults_Container and SetDefaults_Volume in Kubernetes'
// pkg/apis/core/v1/defaults.go). It does not say whether the written policy is valid.
func Effective(image, written string) string {
	if written != "" {
		return written
	}
	if tag, _ := parseImage(image); tag == "latest" {
		return Always
	}
	return IfNotPresent
}

// parseImage returns the tag as the API server sees it, latest where there is neither tag nor digest,
// and whether a digest pins the image; nothing if it does not parse (ParseImageName in Kubernetes'
// pkg/util/parsers/parsers.go).
func parseImage(image string) (tag string, pinned bool) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", false
	}
	_, pinned = named.(reference.Digested)
	if tagged, ok := named.(reference.Tagged); ok {
		return tagged.Tag(), pinned
	}
	if !pinned {
		tag = "latest"
	}
	return tag, pinned
}

// valid reports whether the API server accepts a written policy; it sees an empty one as not written.
func valid(written string) bool {
	switch written {
	case "", Always, IfNotPresent, Never:
		return true
	}
	return false
}
