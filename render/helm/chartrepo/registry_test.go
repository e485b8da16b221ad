package chartrepo

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	fake "github.com/google/go-containerregistry/pkg/registry"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/registry"
)

// chartRegistry is a registry in memory. It counts its requests, by method and path.
type chartRegistry struct {
	*httptest.Server
	host     string
	password bool // ask for user and s3cret
	mu       sync.Mutex
	seen     map[string]int
	answers  map[string]func(http.ResponseWriter, *http.Request)
}

func newChartRegistry(t *testing.T) *chartRegistry {
	r := &chartRegistry{seen: map[string]int{}, answers: map[string]func(http.ResponseWriter, *http.Request){}}
	images := fake.New(fake.Logger(log.New(io.Discard, "", 0)))
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		r.seen[request.Method+" "+request.URL.Path]++
		answer := r.answers[request.URL.Path]
		r.mu.Unlock()
		user, password, _ := request.BasicAuth()
		switch {
		case r.password && (user != "user" || password != "s3cret"):
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			w.WriteHeader(http.StatusUnauthorized)
		case answer != nil:
			answer(w, request)
		default:
			images.ServeHTTP(w, request)
		}
	}))
	t.Cleanup(r.Close)
	r.host = strings.TrimPrefix(r.URL, "http://")
	return r
}

func (r *chartRegistry) requests() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = map[string]int{}
	return seen
}

// push has Helm's own client put versions of a chart at HOST/charts/NAME.
func (r *chartRegistry) push(t *testing.T, name string, versions ...string) {
	t.Helper()
	client, err := registry.NewClient(registry.ClientOptPlainHTTP(), registry.ClientOptWriter(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range versions {
		data := pack(t, &chart.Metadata{APIVersion: "v2", Name: name, Version: version})
		if _, err := client.Push(data, r.host+"/charts/"+name+":"+version); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTagsAreVersions(t *testing.T) {
	r := newChartRegistry(t)
	r.push(t, "redis", "18.4.0", "19.0.0", "20.0.0-rc.1", "19.10.0", "19.9.0+build.5")
	c := &Client{Network: local, Dir: t.TempDir()}
	for version, want := range map[string]string{
		"":               "19.10.0",
		"19.0.0":         "19.0.0",
		"~18":            "18.4.0",
		"<19.10.0":       "19.9.0+build.5",
		"19.9.0+build.5": "19.9.0+build.5",
		">=20.0.0-0":     "20.0.0-rc.1",
	} {
		wantPull(t, c, "oci://"+r.host+"/charts", "redis", version, want)
	}
	r.requests()
	wantPull(t, &Client{Network: local, Dir: c.Dir}, "oci://"+r.host+"/charts/", "redis", "19.0.0", "19.0.0")
	wantPull(t, &Client{Network: local, Dir: c.Dir, Offline: true}, "oci://"+r.host+"/charts", "redis", "19.x", "19.10.0")
	if got := r.requests(); len(got) != 0 {
		t.Errorf("got the requests %v for charts in the cache", got)
	}
	wantPull(t, &Client{Network: local, Dir: c.Dir}, "oci://"+r.host+"/charts", "redis", "19.x", "19.10.0")
	if got := r.requests(); len(got) != 2 || got["GET /v2/"] != 1 || got["GET /v2/charts/redis/tags/list"] != 1 {
		t.Errorf("got the requests %v, want one for the credentials and one for the tags", got)
	}
}

func TestConcurrentPullsAskTheRegistryOnce(t *testing.T) {
	r := newChartRegistry(t)
	r.push(t, "redis", "19.0.0")
	r.requests()
	c := &Client{Network: local, Dir: t.TempDir()}
	var wait sync.WaitGroup
	for range 30 {
		wait.Go(func() {
			if _, err := c.Pull(t.Context(), "oci://"+r.host+"/charts", "redis", "^19"); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for request, n := range r.requests() {
		if n != 1 {
			t.Errorf("%s came %d times", request, n)
		}
	}
}

func TestCredentialsComeFromHelmOrDocker(t *testing.T) {
	login := base64.StdEncoding.EncodeToString([]byte("user:s3cret"))
	wrong := base64.StdEncoding.EncodeToString([]byte("user:s3cret2"))
	for _, test := range []struct {
		name, helm, docker string // the auth in Helm's and in Docker's configuration
		message            string
	}{
		{"none", "", "", ": 401 Unauthorized"},
		{"Helm's", login, "", ""},
		{"Docker's", "", login, ""},
		{"Helm's before Docker's", login, wrong, ""},
		{"wrong", wrong, login, ": 401 Unauthorized"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newChartRegistry(t)
			r.push(t, "redis", "19.0.0")
			r.password = true
			helm, docker := writeAuth(t, r.host, test.helm), writeAuth(t, r.host, test.docker)
			for _, version := range []string{"19.0.0", "^19"} {
				c := &Client{Network: local, Dir: t.TempDir(), ConfigFiles: ConfigFiles{RegistryConfig: helm, DockerConfig: docker}}
				if test.message == "" {
					wantPull(t, c, "oci://"+r.host+"/charts", "redis", version, "19.0.0")
					continue
				}
				_, err := c.Pull(t.Context(), "oci://"+r.host+"/charts", "redis", version)
				wantFailure(t, err, test.message, "helm registry login "+r.host)
			}
		})
	}
}

// writeAuth writes a config.json with the credentials for a host and returns its path, "" for no credentials.
func writeAuth(t *testing.T, host, login string) string {
	t.Helper()
	if login == "" {
		return ""
	}
	data, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]any{"auth": login}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMissingTagNamesTheNearestVersions(t *testing.T) {
	r := newChartRegistry(t)
	r.push(t, "redis", "18.0.0", "19.0.0", "20.0.0+1")
	for _, test := range []struct{ name, version, message, hint string }{
		{"redis", "19.0.1", "there is no such version: the nearest are 20.0.0+1, 19.0.0, 18.0.0", changeVersionHint},
		{"redis", "^21", "there is no such version: the newest are 20.0.0+1, 19.0.0, 18.0.0", changeVersionHint},
		{"redis", "latest", `"latest" is neither a version`, ""},
		{"other", "1.0.0", "other:1.0.0: not found", "is the repository's URL right?"},
	} {
		_, err := (&Client{Network: local, Dir: t.TempDir()}).Pull(t.Context(), "oci://"+r.host+"/charts", test.name, test.version)
		wantFailure(t, err, test.message, test.hint)
	}
}

// TestIndexMayNameARegistry: the URLs in the index.yaml of some repositories are URLs of a registry.
func TestIndexMayNameARegistry(t *testing.T) {
	r := newChartRegistry(t)
	r.push(t, "redis", "19.0.0+1", "20.0.0")
	server := newChartServer(t)
	data := pack(t, &chart.Metadata{APIVersion: "v2", Name: "redis", Version: "20.0.0"})
	server.addEntry("redis", map[string]any{"version": "19.0.0+1", "urls": []string{"oci://" + r.host + "/charts/redis:19.0.0+1"}})
	server.addEntry("redis", map[string]any{"version": "20.0.0", "urls": []string{"oci://" + r.host + "/charts/redis:20.0.0"},
		"digest": digestOf(append(data, 0))})
	wantPull(t, &Client{Network: local, Dir: t.TempDir()}, server.URL, "redis", "19.0.0+1", "19.0.0+1")
	_, err := (&Client{Network: local, Dir: t.TempDir()}).Pull(t.Context(), server.URL, "redis", "20.0.0")
	wantFailure(t, err, "but the repository's index says sha256:", "ask who runs the repository")
}

func TestBadRegistriesAreErrors(t *testing.T) {
	blob := func(media, text string) string {
		return fmt.Sprintf(`{"mediaType": %q, "digest": "sha256:%x", "size": %d}`, media, sha256.Sum256([]byte(text)), len(text))
	}
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	redis := "/v2/charts/redis/"
	for _, test := range []struct {
		name, manifest string
		message, hint  string
	}{
		{"an image", `{"layers": [` + blob("application/vnd.oci.image.layer.v1.tar", "x") + `]}`, "this is no chart: its manifest has no layer of the type", ""},
		{"no JSON", "<html>", "the manifest is no JSON of that form", ""},
		{"a layer of any size", `{"layers": [{"mediaType": "` + chartLayerType + `", "digest": "sha256:` + strings.Repeat("0", 64) + `", "size": 4611686018427387904}]}`,
			"larger than 100 MiB", ""},
		{"a negative size", `{"layers": [{"mediaType": "` + chartLayerType + `", "digest": "sha256:` + strings.Repeat("0", 64) + `", "size": -1}]}`,
			"error verifying sha256 checksum", ""},
		{"a digest that is none", `{"layers": [{"mediaType": "` + chartLayerType + `", "digest": "zero", "size": 4}]}`, "the manifest is no JSON of that form", ""},
		{"another layer", `{"layers": [{"mediaType": "` + chartLayerType + `", "digest": "sha256:` + strings.Repeat("0", 64) + `", "size": 4}]}`,
			"error verifying sha256 checksum", ""},
		{"a layer that is no chart", `{"layers": [` + blob(chartLayerType, "page") + `]}`, "is no packaged chart: it is not compressed with gzip", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newChartRegistry(t)
			layer := func(w http.ResponseWriter, _ *http.Request) {
				w.(http.Flusher).Flush() // no Content-Length
				io.WriteString(w, "page")
			}
			manifest := func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", manifestType)
				io.WriteString(w, test.manifest)
			}
			r.answers[redis+"manifests/19.0.0"] = manifest
			r.answers[fmt.Sprintf("%smanifests/sha256:%x", redis, sha256.Sum256([]byte(test.manifest)))] = manifest
			r.answers[redis+"blobs/sha256:"+strings.Repeat("0", 64)] = layer
			r.answers[fmt.Sprintf("%sblobs/sha256:%x", redis, sha256.Sum256([]byte("page")))] = layer
			r.answers[redis+"blobs/zero"] = layer
			c := &Client{Network: local, Dir: t.TempDir()}
			_, err := c.Pull(t.Context(), "oci://"+r.host+"/charts", "redis", "19.0.0")
			wantFailure(t, err, test.message, test.hint)
			if got := cachedFiles(t, c.Dir); len(got) != 0 {
				t.Errorf("the cache holds %v", got)
			}
		})
	}
}

func TestEndlessTagsAreCutOff(t *testing.T) {
	r := newChartRegistry(t)
	r.answers["/v2/charts/redis/tags/list"] = func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Link", `<`+request.URL.Path+`>; rel="next"`)
		fmt.Fprintf(w, `{"tags": ["a"%s]}`, strings.Repeat(`,"a"`, maxTags/2))
	}
	_, err := (&Client{Network: local, Dir: t.TempDir()}).Pull(t.Context(), "oci://"+r.host+"/charts", "redis", "^19")
	wantFailure(t, err, "more than 100000 tags", "")
}

// TestIndexOfManifestsLeadsToTheChart: helm pulls a chart through an index of manifests, too.
func TestIndexOfManifestsLeadsToTheChart(t *testing.T) {
	r := newChartRegistry(t)
	r.push(t, "redis", "19.0.0")
	const indexType = "application/vnd.oci.image.index.v1+json"
	response, err := http.Get(r.URL + "/v2/charts/redis/manifests/19.0.0")
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	r.answers["/v2/charts/redis/manifests/20.0.0"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", indexType)
		fmt.Fprintf(w, `{"mediaType": %q, "manifests": [{"mediaType": %q, "digest": "sha256:%x", "size": %d}]}`,
			indexType, response.Header.Get("Content-Type"), sha256.Sum256(manifest), len(manifest))
	}
	wantPull(t, &Client{Network: local, Dir: t.TempDir()}, "oci://"+r.host+"/charts", "redis", "20.0.0", "19.0.0")
}

func TestCancelWhileTheRegistryStalls(t *testing.T) {
	r := newChartRegistry(t)
	r.push(t, "redis", "19.0.0")
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	defer close(release)
	for path, version := range map[string]string{"tags/list": "^19", "manifests/19.0.0": "19.0.0"} {
		r.answers["/v2/charts/redis/"+path] = func(http.ResponseWriter, *http.Request) {
			arrived <- struct{}{}
			<-release
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := (&Client{Network: local, Dir: t.TempDir()}).Pull(ctx, "oci://"+r.host+"/charts", "redis", version)
			failed <- err
		}()
		<-arrived
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got the error %v, want context.Canceled", path, err)
		}
	}
}

// TestPlainHTTPIsForAllowedRegistriesOnly: go-containerregistry alone would ask private registries over plain HTTP.
func TestPlainHTTPIsForAllowedRegistriesOnly(t *testing.T) {
	r := newChartRegistry(t)
	for _, host := range []string{r.host, "10.0.0.1", "registry.localhost:1"} {
		_, err := (&Client{Dir: t.TempDir()}).Pull(t.Context(), "oci://"+host+"/charts", "redis", "19.0.0")
		wantFailure(t, err, "only --allow-host "+host+" permits a request", "")
	}
	if seen := r.requests(); len(seen) > 0 {
		t.Errorf("requests %v", seen)
	}
}

func TestParseReferenceNeverGuessesTheHost(t *testing.T) {
	zeros := "sha256:" + strings.Repeat("0", 64)
	for text, want := range map[string]string{
		"oci://example.com/charts/redis":            "example.com/charts/redis:1.0.0_1",
		"oci://example.com/charts/redis:19.0.0+1":   "example.com/charts/redis:19.0.0_1",
		"oci://example.com:5000/redis:19.0.0":       "example.com:5000/redis:19.0.0",
		"oci://registry/charts/redis:1.0.0":         "registry/charts/redis:1.0.0", // no repository of Docker Hub
		"oci://docker.io/org/redis:1.0.0":           "index.docker.io/org/redis:1.0.0",
		"oci://example.com/a/redis@" + zeros:        "example.com/a/redis@" + zeros,
		"oci://example.com/redis:1.0.0@" + zeros:    "example.com/redis@" + zeros,
		"oci://example.com/a/../redis:1.0.0":        "",
		"oci://example.com/Redis:1.0.0":             "",
		"oci://example.com/redis:-1":                "",
		"oci://example.com/redis:1?x":               "",
		"oci://example.com/redis:" + zeros + zeros:  "",
		"oci://user:s3cret@example.com/redis:1.0.0": "",
		"oci:///redis:1.0.0":                        "",
		"oci://example.com":                         "",
	} {
		reference, err := (&Client{}).parseReference(text, "1.0.0+1")
		got := ""
		if err == nil {
			got = reference.Name()
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error %q has a credential", text, err)
		}
		if got != want {
			t.Errorf("%s is %q, %v; want %q", text, got, err, want)
		}
	}
}

// TestOneTokenForARepository: one token is used for the tags and for the chart. Most public registries demand a token
// for each repository, from their token server.
func TestOneTokenForARepository(t *testing.T) {
	r := newChartRegistry(t)
	r.push(t, "redis", "19.0.0")
	images := r.Config.Handler
	tokens := 0
	r.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		user, password, _ := request.BasicAuth()
		switch {
		case request.URL.Path == "/token" && request.URL.Query().Get("scope") == "repository:charts/redis:pull" && user == "user" && password == "s3cret":
			tokens++
			fmt.Fprint(w, `{"token": "t0ken"}`)
		case request.Header.Get("Authorization") == "Bearer t0ken":
			images.ServeHTTP(w, request)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+r.URL+`/token",service="charts"`)
			http.Error(w, "<html>log in</html>", http.StatusUnauthorized)
		}
	})
	login := base64.StdEncoding.EncodeToString([]byte("user:s3cret"))
	c := &Client{Network: local, Dir: t.TempDir(), ConfigFiles: ConfigFiles{RegistryConfig: writeAuth(t, r.host, login)}}
	wantPull(t, c, "oci://"+r.host+"/charts", "redis", "^19", "19.0.0")
	if tokens != 1 {
		t.Errorf("the token server was asked %d times for one repository", tokens)
	}
	_, err := (&Client{Network: local, Dir: t.TempDir()}).Pull(t.Context(), "oci://"+r.host+"/charts", "redis", "19.0.0")
	wantFailure(t, err, "/token: 401 Unauthorized", "helm registry login "+r.host)
	if strings.Contains(err.Error(), "html") {
		t.Errorf("the error has the page of the server: %v", err)
	}
}

// TestCredentialsComeFromHelperPrograms: the credentials may come from a program that the configuration names.
func TestCredentialsComeFromHelperPrograms(t *testing.T) {
	r := newChartRegistry(t)
	r.push(t, "redis", "19.0.0")
	r.password = true
	bin := t.TempDir()
	program := "#!/bin/sh\nread host\nif [ \"$1 $host\" = \"get " + r.host + "\" ]; then echo '{\"Username\": \"user\", \"Secret\": \"s3cret\"}'\n" +
		"else echo 'credentials not found in native keychain'; exit 1; fi\n"
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-test"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for config, message := range map[string]string{
		`{"credsStore": "test"}`:                               "",
		`{"credHelpers": {"` + r.host + `": "test"}}`:          "",
		`{"credHelpers": {"example.com": "test"}}`:             ": 401 Unauthorized",
		`{"credsStore": "missing"}`:                            "docker-credential-missing",
		`{"auths": []}`:                                        "config.json: json: cannot unmarshal",
		`{"auths": {"example.com": {"auth": "dXNlcjpwYXNz"}}}`: ": 401 Unauthorized",
	} {
		file := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := (&Client{Network: local, Dir: t.TempDir(), ConfigFiles: ConfigFiles{RegistryConfig: file}}).Pull(t.Context(), "oci://"+r.host+"/charts", "redis", "19.0.0")
		if message == "" && err != nil || message != "" && (err == nil || !strings.Contains(err.Error(), message)) {
			t.Errorf("%s: got the error %v, want %q in it", config, err, message)
		}
	}
}

// TestRegistryAnswersAreBounded: only layers may be large, also after redirects, and redirects end.
func TestRegistryAnswersAreBounded(t *testing.T) {
	r := newChartRegistry(t)
	large := func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"tags": ["`+strings.Repeat("a", maxManifestSize)+`"]}`)
	}
	r.answers["/v2/charts/redis/manifests/19.0.0"] = large
	r.answers["/v2/charts/redis/tags/list"] = func(w http.ResponseWriter, request *http.Request) {
		http.Redirect(w, request, "/v2/charts/other/blobs/large", http.StatusFound)
	}
	r.answers["/v2/charts/other/blobs/large"] = large
	r.answers["/v2/charts/redis/manifests/20.0.0"] = func(w http.ResponseWriter, request *http.Request) {
		http.Redirect(w, request, request.URL.Path, http.StatusFound)
	}
	for version, message := range map[string]string{
		"19.0.0": "the answer is larger than 4 MiB", "^19": "the answer is larger than 4 MiB", "20.0.0": "stopped after 10 redirects",
	} {
		_, err := (&Client{Network: local, Dir: t.TempDir()}).Pull(t.Context(), "oci://"+r.host+"/charts", "redis", version)
		wantFailure(t, err, message, "")
	}
}

func pkcs8(t *testing.T, certificate tls.Certificate) []byte {
	t.Helper()
	data, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
