package chartrepo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// maxIndexSize is the largest size of an index.yaml in bytes. The largest public indexes have about 20 MiB. Parsed, an
// index takes more than ten times its size in memory.
const maxIndexSize = 64 << 20

// repositoryIndex is the index of an HTTP repository, with the client that downloads charts from it.
type repositoryIndex struct {
	entry   repositoryEntry
	base    *url.URL
	client  fetch.Client
	entries map[string][]*indexEntry
}

// indexEntry is one version of a chart in index.yaml, with the fields that are used here (ChartVersion in Helm's
// pkg/repo/index.go).
type indexEntry struct {
	Version string   `yaml:"version"`
	URLs    []string `yaml:"urls"`
	Digest  string   `yaml:"digest"`
}

// index returns the index of a repository. It is downloaded once.
func (c *Client) index(ctx context.Context, entry repositoryEntry) (*repositoryIndex, error) {
	return c.indexes.Get(ctx, entry.URL, func() (*repositoryIndex, error) {
		base, err := url.Parse(entry.URL)
		if err != nil {
			return nil, err
		}
		config, err := entry.tls()
		if err != nil {
			return nil, err
		}
		index := &repositoryIndex{entry: entry, base: base}
		index.client.Transport = fetch.NewTransport(fetch.Options{Network: c.Network, TLS: config, Verbatim: true})
		data, err := index.get(ctx, index.absolute(&url.URL{Path: "index.yaml"}), maxIndexSize)
		if err != nil {
			return nil, err
		}
		return index, index.parse(data)
	})
}

// tls returns the TLS configuration for a repository, with the certificates that its entry names, as in Helm
// (pkg/getter/httpgetter.go).
func (e repositoryEntry) tls() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: e.InsecureSkipTLSVerify}
	if e.CertFile != "" && e.KeyFile != "" {
		certificate, err := tls.LoadX509KeyPair(e.CertFile, e.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("certFile or keyFile of repository %s: %w", e.Name, err)
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	if e.CAFile != "" {
		authorities, err := os.ReadFile(e.CAFile)
		if err != nil {
			return nil, fmt.Errorf("caFile of repository %s: %w", e.Name, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authorities) {
			return nil, fmt.Errorf("caFile of repository %s: %s holds no certificate in PEM", e.Name, e.CAFile)
		}
	}
	return config, nil
}

// parse reads an index.yaml. It decodes only the fields that are used, since an index may have tens of thousands of
// versions.
func (r *repositoryIndex) parse(data []byte) error {
	var content struct {
		APIVersion string                   `yaml:"apiVersion"`
		Entries    map[string][]*indexEntry `yaml:"entries"`
	}
	reason := ""
	switch err := yaml.Unmarshal(data, &content); {
	case err != nil:
		// The error of the parser quotes the answer, and the message of a failure may be public.
		reason = "it is no YAML of that form"
	case content.APIVersion == "":
		reason = "it has no apiVersion"
	}
	if reason != "" {
		return &yamldoc.Error{
			Err:  errors.New("index.yaml is no index of a chart repository: " + reason),
			Hint: "is it one? A registry's URL starts with oci://",
		}
	}
	r.entries = content.Entries
	return nil
}

// find returns the release that Helm chooses for a version or constraint. The digest is "" if the index has none.
func (r *repositoryIndex) find(name, version string) (release, error) {
	entries, ok := r.entries[name]
	if !ok {
		return release{}, &yamldoc.Error{
			Err:  errors.New("the repository has no chart of that name"),
			Hint: "look at its index: " + fetch.Redact(r.absolute(&url.URL{Path: "index.yaml"}).String()),
		}
	}
	versions := make([]string, len(entries))
	for i, entry := range entries {
		if entry != nil {
			versions[i] = entry.Version
		}
	}
	i, err := choose(versions, version)
	if err != nil {
		return release{}, &yamldoc.Error{Err: err, Hint: changeVersionHint}
	}
	if len(entries[i].URLs) == 0 {
		return release{}, fmt.Errorf("the repository's index has no URL for version %s", versions[i])
	}
	u, err := url.Parse(entries[i].URLs[0])
	if err != nil {
		return release{}, fmt.Errorf("the repository's index has a broken URL for version %s", versions[i])
	}
	digest := strings.ToLower(strings.TrimPrefix(entries[i].Digest, "sha256:"))
	return release{version: versions[i], url: r.absolute(u).String(), digest: digest}, nil
}

// absolute resolves a URL in the index against the URL of the repository, and keeps the query of the repository, as
// Helm does (ResolveReferenceURL in pkg/repo/chartrepo.go). In the index of https://example.com/charts?ref=main, for
// example, web-1.0.0.tgz is https://example.com/charts/web-1.0.0.tgz?ref=main.
func (r *repositoryIndex) absolute(ref *url.URL) *url.URL {
	if ref.IsAbs() {
		return ref
	}
	base := *r.base
	base.RawPath = strings.TrimSuffix(base.RawPath, "/") + "/"
	base.Path = strings.TrimSuffix(base.Path, "/") + "/"
	resolved := base.ResolveReference(ref)
	resolved.RawQuery = base.RawQuery
	return resolved
}

// download downloads the chart at an absolute URL of the index.
func (r *repositoryIndex) download(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return r.get(ctx, u, loader.MaxDecompressedChartSize)
}

// get returns the content of a URL, of at most limit bytes. Credentials are sent to the host of the repository only,
// unless the entry says pass_credentials_all (pkg/getter/httpgetter.go).
func (r *repositoryIndex) get(ctx context.Context, u *url.URL, limit int64) ([]byte, error) {
	request := fetch.Request{URL: u.String(), Limit: limit, Timeout: httpTimeout}
	if e := r.entry; e.Username != "" && e.Password != "" && (e.PassCredentialsAll || fetch.SameHost(u, r.base)) {
		request.Login = url.UserPassword(e.Username, e.Password)
	}
	data, err := r.client.Get(ctx, request)
	if err != nil {
		return nil, r.explain(fetch.Redact(u.String()), err)
	}
	return data, nil
}

// explain returns the error for a request that failed, with its URL and a hint.
func (r *repositoryIndex) explain(address string, err error) error {
	failure := &yamldoc.Error{Err: fmt.Errorf("%s: %w", address, err)}
	if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
		failure.Hint = r.entry.addCommand("--ca-file FILE")
	}
	if status := (*fetch.StatusError)(nil); errors.As(err, &status) {
		failure.Err = fmt.Errorf("%s: %s", address, status.Status)
		switch status.Code {
		case http.StatusUnauthorized, http.StatusForbidden:
			failure.Hint = r.entry.addCommand("--username USER --password-stdin")
		case http.StatusNotFound:
			failure.Hint = "is the repository's URL right? A registry's starts with oci://"
		}
	}
	return failure
}
