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

// Effective returns the pull policy that the API server makes of an image and a written policy (SetDefaults_Container
// and SetDefaults_Volume in Kubernetes' pkg/apis/core/v1/defaults.go):
//
//	written policy             Effective
//	any text but ""            that text, also if it is no valid policy
//	""  and the tag is latest  Always; an image without a tag and without a digest has the tag latest
//	""  and anything else      IfNotPresent, also for an image that does not parse
func Effective(image, written string) string {
	if written != "" {
		return written
	}
	if tag, _ := parseImage(image); tag == "latest" {
		return Always
	}
	return IfNotPresent
}

// parseImage returns the tag of an image as the API server sees it, and whether the image has a digest (ParseImageName
// in Kubernetes' pkg/util/parsers/parsers.go). An image without a tag and without a digest has the tag latest. For an
// image that does not parse, both results are empty. A port is no tag: example.com:5000/x has the tag latest.
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

// valid reports whether the API server accepts a written policy. For the API server, an empty policy is not written.
func valid(written string) bool {
	switch written {
	case "", Always, IfNotPresent, Never:
		return true
	}
	return false
}
