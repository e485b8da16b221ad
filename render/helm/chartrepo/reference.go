package chartrepo

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/pullcheck/pullcheck/internal/fetch"
)

// The grammar of repositories and tags (OCI distribution specification, "Pulling manifests"). It keeps elements such
// as ".." out of the URLs of requests.
const pathElement = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`

var (
	repositoryPath = regexp.MustCompile(`^` + pathElement + `(?:/` + pathElement + `)*$`)
	tagName        = regexp.MustCompile(`^\w[\w.-]*$`)
)

// maxTagLength is the largest number of characters in a tag, by the same specification.
const maxTagLength = 128

// parseReference parses oci://HOST/PATH, oci://HOST/PATH:TAG and oci://HOST/PATH@DIGEST. Without a tag and a digest,
// the version is the tag. A "+", which a tag cannot have, becomes "_" (newReference in Helm's
// pkg/registry/reference.go): oci://example.com/charts/web:1.2.0+3 is example.com/charts/web:1.2.0_3.
//
// It does not call name.ParseReference, which takes the first element for a host only if it has a dot or a port. It
// would look for oci://registry/charts at Docker Hub.
func (c *Client) parseReference(text, version string) (name.Reference, error) {
	invalid := fmt.Errorf("invalid reference %s", fetch.Redact(text))
	host, rest, _ := strings.Cut(strings.TrimPrefix(text, "oci://"), "/")
	var options []name.Option
	if c.Network.Allows(host) {
		options = append(options, name.Insecure) // The library tries HTTPS first, and then plain HTTP.
	}
	registry, err := name.NewRegistry(host, options...)
	if err != nil || host == "" {
		return nil, invalid
	}
	rest, digest, byDigest := strings.Cut(rest, "@")
	tag := version
	if colon := strings.LastIndexByte(rest, ':'); colon > strings.LastIndexByte(rest, '/') {
		rest, tag = rest[:colon], rest[colon+1:]
	}
	tag = strings.ReplaceAll(tag, "+", "_")
	if !repositoryPath.MatchString(rest) || !byDigest && (len(tag) > maxTagLength || !tagName.MatchString(tag)) {
		return nil, invalid
	}
	if byDigest {
		if _, err := v1.NewHash(digest); err != nil {
			return nil, invalid
		}
		return registry.Repo(rest).Digest(digest), nil
	}
	return registry.Repo(rest).Tag(tag), nil
}
