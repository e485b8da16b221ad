package helm

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/helmpath"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Registries are reached with oras.land/oras-go, as Helm does, and with the same credentials, but not
// through helm.sh/helm/v3/pkg/registry: its Pull and Tags take no context and read a layer of any size.

// The media types of a chart in a registry (Helm's pkg/registry/constants.go).
const (
	chartLayerType       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	legacyChartLayerType = "application/tar+gzip"
)

const (
	maxManifestSize = 4 << 20 // what oras-go and most registries take
	maxTags         = 100_000 // ends a list that a server makes up as it goes
)

func isRegistry(repository string) bool { return strings.HasPrefix(repository, "oci://") }

// tagReference parses oci://HOST/PATH:TAG. A "+", which a tag cannot have, becomes "_"
// (newReference in Helm's pkg/registry/reference.go).
func tagReference(text string) (registry.Reference, error) {
	text = strings.TrimPrefix(text, "oci://")
	if colon := strings.LastIndexByte(text, ':'); colon > strings.LastIndexByte(text, '/') {
		text = text[:colon] + strings.ReplaceAll(text[colon:], "+", "_")
	}
	return registry.ParseReference(text)
}

// client answers the challenges of registries with credentials from where Helm has them: its own registry
// configuration, then Docker's, and their credential helpers (NewClient in Helm's pkg/registry/client.go).
func (c *Charts) client(ctx context.Context) (*auth.Client, error) {
	file := cmp.Or(os.Getenv("HELM_REGISTRY_CONFIG"), helmpath.ConfigPath("registry", "config.json"))
	return c.registries.Get(ctx, file, func() (*auth.Client, error) {
		options := credentials.StoreOptions{DetectDefaultNativeStore: true}
		helm, err := credentials.NewStore(file, options)
		if err != nil {
			return nil, err
		}
		store := credentials.Store(helm)
		if docker, err := credentials.NewStoreFromDocker(options); err == nil { // Helm does without a broken one, too
			store = credentials.NewStoreWithFallbacks(helm, docker)
		}
		client := &auth.Client{
			Client:     &http.Client{}, // not oras-go's own, which tries six times
			Credential: credentials.Credential(store),
			Cache:      auth.NewCache(),
		}
		client.SetUserAgent("pullcheck")
		return client, nil
	})
}

// ask does something with a registry's repository. A registry on this very machine may speak plain HTTP, as
// the one of a test or of a kind cluster does. Helm falls back to HTTP for any host (pkg/registry/fallback.go,
// dropped in Helm 4), which lets everyone on the way choose the chart.
func (c *Charts) ask(ctx context.Context, reference registry.Reference, do func(context.Context, *remote.Repository) error) error {
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	repository := &remote.Repository{Client: client, Reference: reference, MaxMetadataBytes: maxManifestSize}
	err = do(ctx, repository)
	if errors.Is(err, http.ErrSchemeMismatch) && isLoopback(reference.Host()) {
		repository.PlainHTTP = true
		err = do(ctx, repository)
	}
	return err
}

func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// resolveTag returns the release of a chart in a registry. Only a constraint needs the list of tags
// (Resolve in Helm's internal/resolver/resolver.go).
func (c *Charts) resolveTag(ctx context.Context, repository, version string) (chartRelease, error) {
	if _, err := semver.NewVersion(version); err != nil {
		tags, err := c.tags(ctx, repository)
		if err != nil {
			return chartRelease{}, err
		}
		i, err := choose(tags, version)
		if err != nil {
			return chartRelease{}, &yamldoc.Error{Err: err, Hint: changeVersionHint}
		}
		version = tags[i]
	}
	return chartRelease{version: version, url: repository + ":" + version}, nil
}

// tags returns the versions of a chart in a registry: the tags that are complete semantic versions
// (Tags in Helm's pkg/registry/client.go).
func (c *Charts) tags(ctx context.Context, repository string) ([]string, error) {
	reference, err := tagReference(repository)
	if err != nil {
		return nil, err
	}
	var versions []string
	err = c.ask(ctx, reference, func(ctx context.Context, repository *remote.Repository) error {
		seen := 0
		return repository.Tags(ctx, "", func(tags []string) error {
			if seen += len(tags); seen > maxTags {
				return fmt.Errorf("more than %d tags", maxTags)
			}
			for _, tag := range tags {
				tag = strings.ReplaceAll(tag, "_", "+")
				if _, err := semver.StrictNewVersion(tag); err == nil {
					versions = append(versions, tag)
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, registryError(reference, err)
	}
	return versions, nil
}

// downloadTag returns the chart that oci://HOST/PATH:TAG names.
func (c *Charts) downloadTag(ctx context.Context, release chartRelease) ([]byte, error) {
	reference, err := tagReference(release.url)
	if err != nil {
		return nil, err
	}
	if reference.Reference == "" {
		reference.Reference = strings.ReplaceAll(release.version, "+", "_")
	}
	var data []byte
	err = c.ask(ctx, reference, func(ctx context.Context, repository *remote.Repository) error {
		layer, err := chartLayer(ctx, repository)
		if err != nil {
			return err
		}
		data, err = fetchDescriptor(ctx, repository, layer, loader.MaxDecompressedChartSize)
		return err
	})
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, c.missingTag(ctx, release, err)
	}
	if err != nil {
		return nil, registryError(reference, err)
	}
	return data, nil
}

// missingTag says which versions there are, if the registry lists them.
func (c *Charts) missingTag(ctx context.Context, release chartRelease, err error) error {
	tags, listErr := c.tags(ctx, strings.TrimSuffix(release.url, ":"+release.version))
	if listErr != nil || slices.Contains(tags, release.version) {
		return &yamldoc.Error{Err: err, Hint: "is the repository's URL right?"}
	}
	return &yamldoc.Error{Err: noSuchVersion(newestFirst(tags), release.version), Hint: changeVersionHint}
}

// chartLayer finds the chart's layer in the manifest of the repository's reference, or, if that is an index,
// in the first of its manifests that has one.
func chartLayer(ctx context.Context, repository *remote.Repository) (ocispec.Descriptor, error) {
	root, body, err := repository.FetchReference(ctx, repository.Reference.Reference)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	data, err := readDescriptor(body, root, maxManifestSize)
	var indexed []ocispec.Descriptor
	for err == nil {
		var manifest struct{ Manifests, Layers []ocispec.Descriptor }
		if err := json.Unmarshal(data, &manifest); err != nil {
			return ocispec.Descriptor{}, fmt.Errorf("manifest: %w", err)
		}
		for _, layer := range manifest.Layers {
			if layer.MediaType == chartLayerType || layer.MediaType == legacyChartLayerType {
				return layer, nil
			}
		}
		indexed = append(indexed, manifest.Manifests...)
		if len(indexed) == 0 {
			return ocispec.Descriptor{}, errors.New("this is no chart: its manifest has no layer of the type " + chartLayerType)
		}
		data, err = fetchDescriptor(ctx, repository, indexed[0], maxManifestSize)
		indexed = indexed[1:]
	}
	return ocispec.Descriptor{}, err
}

// fetchDescriptor reads and verifies a manifest or layer, up to a number of bytes.
func fetchDescriptor(ctx context.Context, repository *remote.Repository, what ocispec.Descriptor, limit int64) ([]byte, error) {
	body, err := repository.Fetch(ctx, what)
	if err != nil {
		return nil, err
	}
	return readDescriptor(body, what, limit)
}

func readDescriptor(body io.ReadCloser, what ocispec.Descriptor, limit int64) ([]byte, error) {
	defer body.Close()
	if what.Size > limit {
		return nil, fmt.Errorf("%s: larger than %d MiB", what.Digest, limit>>20)
	}
	return content.ReadAll(body, what)
}

// registryError adds what to do about it.
func registryError(reference registry.Reference, err error) error {
	failure := &yamldoc.Error{Err: err}
	response := (*errcode.ErrorResponse)(nil)
	switch {
	case errors.Is(err, auth.ErrBasicCredentialNotFound),
		errors.As(err, &response) && (response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden):
		failure.Hint = "helm registry login " + reference.Registry
	case errors.Is(err, http.ErrSchemeMismatch):
		failure.Hint = "a registry on another machine must speak HTTPS; or vendor the chart with: helm dependency build"
	}
	return failure
}
