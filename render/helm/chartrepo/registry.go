package chartrepo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"helm.sh/helm/v3/pkg/chart/loader"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// The media types of a chart in a registry (Helm's pkg/registry/constants.go).
const (
	chartLayerType       = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	legacyChartLayerType = "application/tar+gzip"
)

const (
	maxManifestSize = 4 << 20 // bytes of a manifest or a page of tags: what most registries accept as a manifest
	maxTags         = 100_000 // A hostile server could send pages of tags without end.
)

// isRegistry reports whether the URL of a repository or chart is that of a registry.
func isRegistry(repository string) bool { return strings.HasPrefix(repository, "oci://") }

// answerLimit returns the largest size of the answer to a request, in bytes. Only a layer may be large. Its URL is
// /v2/PATH/blobs/DIGEST.
func answerLimit(request *http.Request) int64 {
	if path.Base(path.Dir(request.URL.Path)) == "blobs" {
		return loader.MaxDecompressedChartSize
	}
	return maxManifestSize
}

// connect returns options for requests to a repository of a registry. It asks the registry which kind of credentials
// it wants and, if the registry wants a token, gets one. It does so once for each repository. Without it, each
// function of package remote would send the same requests again: the type of the transport tells them that it was
// done.
func (c *Client) connect(ctx context.Context, repository name.Repository) ([]remote.Option, error) {
	c.once.Do(func() {
		limited := fetch.NewTransport(fetch.Options{Network: c.Network, Limit: answerLimit})
		c.transport = transport.NewUserAgent(limited, "pullcheck")
	})
	connected, err := c.connected.Get(ctx, repository.Name(), func() (http.RoundTripper, error) {
		ctx, cancel := context.WithTimeout(ctx, httpTimeout)
		defer cancel()
		login, err := c.login(ctx, repository.RegistryStr())
		if err != nil {
			return nil, loginError{err}
		}
		scopes := []string{repository.Scope(transport.PullScope)}
		return transport.NewWithContext(ctx, repository.Registry, login, c.transport, scopes)
	})
	return []remote.Option{remote.WithTransport(connected), remote.WithPageSize(0)}, err
}

// loginError is an error of this machine's credentials. It quotes no server.
type loginError struct{ error }

// resolveTag returns the release that a version or constraint means for a chart at oci://HOST/PATH. Only a constraint
// needs the list of tags. Whether an exact version exists shows when it is downloaded, as in Helm (Resolve in
// internal/resolver/resolver.go).
func (c *Client) resolveTag(ctx context.Context, repository, version string) (release, error) {
	if _, err := semver.NewVersion(version); err != nil {
		tags, err := c.tags(ctx, repository)
		if err != nil {
			return release{}, err
		}
		i, err := choose(tags, version)
		if err != nil {
			return release{}, &yamldoc.Error{Err: err, Hint: changeVersionHint}
		}
		version = tags[i]
	}
	return release{version: version, url: repository + ":" + version}, nil
}

// tags returns the versions of a chart in a registry: the tags that are complete semantic versions, with "_" replaced
// by "+" (Tags in Helm's pkg/registry/client.go).
func (c *Client) tags(ctx context.Context, repository string) ([]string, error) {
	reference, err := c.parseReference(repository, "latest")
	if err != nil {
		return nil, err
	}
	options, err := c.connect(ctx, reference.Context())
	if err != nil {
		return nil, registryError(reference, err)
	}
	ctx, cancel := context.WithTimeout(ctx, httpTimeout)
	defer cancel()
	versions, err := listVersions(ctx, reference.Context(), options)
	if err != nil {
		return nil, registryError(reference, err)
	}
	return versions, nil
}

// listVersions reads the pages of a repository's tags, one after the other.
func listVersions(ctx context.Context, repository name.Repository, options []remote.Option) ([]string, error) {
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return nil, err
	}
	pages, err := puller.Lister(ctx, repository)
	if err != nil {
		return nil, err
	}
	var versions []string
	for seen := 0; pages.HasNext(); {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		if seen += len(page.Tags); seen > maxTags {
			return nil, fmt.Errorf("more than %d tags", maxTags)
		}
		for _, tag := range page.Tags {
			version := strings.ReplaceAll(tag, "_", "+")
			if _, err := semver.StrictNewVersion(version); err == nil {
				versions = append(versions, version)
			}
		}
	}
	return versions, nil
}

// downloadTag downloads the chart of a release in a registry.
func (c *Client) downloadTag(ctx context.Context, r release) ([]byte, error) {
	reference, err := c.parseReference(r.url, r.version)
	if err != nil {
		return nil, err
	}
	options, err := c.connect(ctx, reference.Context())
	var data []byte
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, httpTimeout)
		defer cancel()
		data, err = downloadChart(reference, append(options, remote.WithContext(limited)))
	}
	if answer := (*transport.Error)(nil); errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil, c.missingTag(ctx, r)
	}
	if err != nil {
		return nil, registryError(reference, err)
	}
	return data, nil
}

// missingTag returns the error for a release that the registry does not have. It names the nearest versions, if the
// registry lists them.
func (c *Client) missingTag(ctx context.Context, r release) error {
	tags, err := c.tags(ctx, strings.TrimSuffix(r.url, ":"+r.version))
	if err != nil || slices.Contains(tags, r.version) {
		return &yamldoc.Error{
			Err:  fmt.Errorf("%s: not found", strings.TrimPrefix(r.url, "oci://")),
			Hint: "is the repository's URL right?",
		}
	}
	return &yamldoc.Error{Err: versionNotFound(newestFirst(tags), r.version), Hint: changeVersionHint}
}

// downloadChart downloads the layer with the chart. The library compares each manifest and layer with its digest.
func downloadChart(reference name.Reference, options []remote.Option) ([]byte, error) {
	descriptor, err := chartLayer(reference, options)
	if err != nil {
		return nil, err
	}
	if limit := loader.MaxDecompressedChartSize; descriptor.Size > limit {
		return nil, fmt.Errorf("%s: larger than %d MiB", descriptor.Digest, limit>>20)
	}
	layer, err := remote.Layer(reference.Context().Digest(descriptor.Digest.String()), options...)
	if err != nil {
		return nil, err
	}
	body, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// chartLayer returns the descriptor of the layer with the chart. If the reference is an index of manifests, the layer
// is in the first manifest of the index that has a layer of this type.
func chartLayer(reference name.Reference, options []remote.Option) (v1.Descriptor, error) {
	for references := []name.Reference{reference}; len(references) > 0; references = references[1:] {
		answer, err := remote.Get(references[0], options...)
		if err != nil {
			return v1.Descriptor{}, err
		}
		var manifest struct{ Manifests, Layers []v1.Descriptor }
		if json.Unmarshal(answer.Manifest, &manifest) != nil {
			return v1.Descriptor{}, errors.New("the manifest is no JSON of that form") // The error quotes the answer.
		}
		for _, layer := range manifest.Layers {
			if layer.MediaType == chartLayerType || layer.MediaType == legacyChartLayerType {
				return layer, nil
			}
		}
		for _, m := range manifest.Manifests {
			references = append(references, reference.Context().Digest(m.Digest.String()))
		}
	}
	return v1.Descriptor{}, errors.New("this is no chart: its manifest has no layer of the type " + chartLayerType)
}

// registryError returns the error for a request that failed: one line without credentials, and a hint. The errors of
// the library quote the whole answer, which may be a web page.
func registryError(reference name.Reference, err error) error {
	failure := &yamldoc.Error{Err: fetch.WithoutQuotes(err)}
	if login := (loginError{}); errors.As(err, &login) {
		failure.Err = fetch.RedactError(login)
	}
	if answer := (*transport.Error)(nil); errors.As(err, &answer) {
		failure.Err = answerError(answer)
		if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
			host := reference.Context().RegistryStr()
			if host == name.DefaultRegistry {
				host = "docker.io" // Helm keeps the credentials for Docker Hub under this name.
			}
			failure.Hint = "helm registry login " + host
		}
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		failure.Hint = "a registry without HTTPS needs --allow-host; or vendor the chart with: helm dependency build"
	}
	return failure
}

// answerError returns an error with the URL and the status of an answer. The text of the answer is left out: the message
// of a failure may be public.
func answerError(answer *transport.Error) error {
	text := fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	if answer.Request != nil {
		text = fetch.Redact(answer.Request.URL.String()) + ": " + text
	}
	return errors.New(text)
}
