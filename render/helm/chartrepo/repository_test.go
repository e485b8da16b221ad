package chartrepo

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/internal/charttest"
)

// chartServer is a chart repository. It counts its requests.
type chartServer struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	files   map[string][]byte
	entries map[string]any
	answers map[string]func(http.ResponseWriter, *http.Request)
	seen    map[string]int
	headers map[string]http.Header // the last request's, by path
}

func newChartServer(t *testing.T) *chartServer {
	s := unstartedChartServer(t)
	s.Start()
	return s
}

func unstartedChartServer(t *testing.T) *chartServer {
	s := &chartServer{t: t, files: map[string][]byte{}, entries: map[string]any{}, seen: map[string]int{},
		answers: map[string]func(http.ResponseWriter, *http.Request){}, headers: map[string]http.Header{}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	return s
}

func (s *chartServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen[r.URL.RequestURI()]++
	s.headers[r.URL.Path] = r.Header.Clone()
	answer, data := s.answers[r.URL.Path], s.files[r.URL.Path]
	s.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case data != nil:
		w.Write(data)
	default:
		http.NotFound(w, r)
	}
}

func (s *chartServer) requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.seen)
}

func (s *chartServer) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.seen)
}

func (s *chartServer) authorization(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.headers[path].Get("Authorization")
}

func (s *chartServer) handle(path string, answer func(http.ResponseWriter, *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = answer
}

func (s *chartServer) answer(path string, status int, body string) {
	s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func (s *chartServer) redirect(path, target string) {
	s.handle(path, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) })
}

// requirePassword makes the server refuse requests without the user name user and the password s3cret.
func (s *chartServer) requirePassword() {
	open := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "user" || password != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		open.ServeHTTP(w, r)
	})
}

// stall makes a path answer only after release is called. Each request for the path is first announced on arrived.
func (s *chartServer) stall(path string) (arrived chan struct{}, release func()) {
	arrived, released := make(chan struct{}, 10), make(chan struct{})
	s.handle(path, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-released
		s.mu.Lock()
		data := s.files[path]
		s.mu.Unlock()
		w.Write(data)
	})
	return arrived, sync.OnceFunc(func() { close(released) })
}

// add adds versions of a chart at /NAME-VERSION.tgz, and to the index under a relative URL.
func (s *chartServer) add(name string, versions ...string) {
	for _, version := range versions {
		data := pack(s.t, &chart.Metadata{APIVersion: "v2", Name: name, Version: version})
		file := name + "-" + version + ".tgz"
		s.files["/"+file] = data
		s.addEntry(name, map[string]any{"version": version, "urls": []string{file}, "digest": digestOf(data)})
	}
}

func (s *chartServer) addEntry(name string, entry map[string]any) {
	entry["apiVersion"], entry["name"] = "v2", name
	entries, _ := s.entries[name].([]map[string]any)
	s.entries[name] = append(entries, entry)
	s.setIndex(s.index())
}

// replace publishes another chart under an existing version.
func (s *chartServer) replace(name, version, description string) {
	delete(s.entries, name)
	data := pack(s.t, &chart.Metadata{APIVersion: "v2", Name: name, Version: version, Description: description})
	file := name + "-" + version + ".tgz"
	s.mu.Lock()
	s.files["/"+file] = data
	s.mu.Unlock()
	s.addEntry(name, map[string]any{"version": version, "urls": []string{file}, "digest": digestOf(data)})
}

func (s *chartServer) index() map[string]any {
	return map[string]any{"apiVersion": "v1", "entries": s.entries}
}

func (s *chartServer) setIndex(index map[string]any) {
	data, err := yaml.Marshal(index)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files["/index.yaml"] = data
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// pack makes a packaged chart.
func pack(t *testing.T, metadata *chart.Metadata) []byte {
	t.Helper()
	return charttest.Pack(t, &chart.Chart{Metadata: metadata})
}

func packed(t *testing.T, data []byte) *chart.Chart {
	t.Helper()
	c, err := loader.LoadArchive(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func packedVersion(t *testing.T, data []byte) string { return packed(t, data).Metadata.Version }

// configure writes Helm's repositories.yaml and returns its path.
func configure(t *testing.T, entries ...map[string]any) string {
	t.Helper()
	data, err := yaml.Marshal(map[string]any{"apiVersion": "", "repositories": entries})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "repositories.yaml")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestPullTakesVersionsAndConstraints(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "18.4.0", "19.0.0", "20.0.0-rc.1", "19.10.0", "19.9.0+build.5")
	c := &Client{Network: local, Dir: t.TempDir()}
	for version, want := range map[string]string{
		"":               "19.10.0",
		"19.0.0":         "19.0.0",
		"~18":            "18.4.0",
		"19.x.x":         "19.10.0",
		"<19.10.0":       "19.9.0+build.5",
		"19.9.0+build.5": "19.9.0+build.5",
		"19.9.0":         "19.9.0+build.5",
		"20.0.0-rc.1":    "20.0.0-rc.1",
		">=20.0.0-0":     "20.0.0-rc.1",
	} {
		wantPull(t, c, server.URL, "redis", version, want)
	}
}

func TestURLsOfTheIndexAreResolvedAsHelmDoes(t *testing.T) {
	server := newChartServer(t)
	data := pack(t, &chart.Metadata{APIVersion: "v2", Name: "redis", Version: "1.0.0"})
	for _, path := range []string{"/charts/redis-1.0.0.tgz", "/charts/packages/redis-1.0.0.tgz", "/redis-1.0.0.tgz"} {
		server.files[path] = data
	}
	for _, test := range []struct{ repository, url, want string }{
		{"/charts", "redis-1.0.0.tgz", "/charts/redis-1.0.0.tgz"},
		{"/charts/", "packages/redis-1.0.0.tgz", "/charts/packages/redis-1.0.0.tgz"},
		{"/charts", "/redis-1.0.0.tgz", "/redis-1.0.0.tgz"},
		{"/charts", "../redis-1.0.0.tgz", "/redis-1.0.0.tgz"},
		{"/charts?ref=main", "redis-1.0.0.tgz", "/charts/redis-1.0.0.tgz?ref=main"},
		{"/charts", server.URL + "/redis-1.0.0.tgz?token=1", "/redis-1.0.0.tgz?token=1"},
	} {
		clear(server.entries)
		server.addEntry("redis", map[string]any{"version": "1.0.0", "urls": []string{test.url}})
		server.files["/charts/index.yaml"] = server.files["/index.yaml"]
		server.forget()
		wantPull(t, &Client{Network: local, Dir: t.TempDir()}, server.URL+test.repository, "redis", "1.0.0", "1.0.0")
		if got := server.requests(); got[test.want] != 1 || len(got) != 2 {
			t.Errorf("%s and %s: got the requests %v, want one for %s", test.repository, test.url, got, test.want)
		}
	}
}

func TestAliasesNameRepositories(t *testing.T) {
	server := newChartServer(t)
	server.add("redis", "19.0.0")
	c := &Client{Network: local, Dir: t.TempDir(), ConfigFiles: ConfigFiles{RepositoryConfig: configure(t, map[string]any{"name": "ours", "url": server.URL})}}
	wantPull(t, c, "@ours", "redis", "19.0.0", "19.0.0")
	wantPull(t, c, "alias:ours", "redis", "19.0.0", "19.0.0")
	for _, repository := range []string{"@theirs", "alias:theirs"} {
		_, err := c.Pull(t.Context(), repository, "redis", "19.0.0")
		wantFailure(t, err, "redis 19.0.0 of "+repository+": "+c.RepositoryConfig+" has no repository theirs", "helm repo add theirs URL")
	}
	if got := len(cachedFiles(t, c.Dir)); got != 1 {
		t.Errorf("the cache holds %d files, want 1 for all names of the repository", got)
	}
}

func TestBrokenRepositoriesFileIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "repositories.yaml")
	c := &Client{Network: local, Dir: t.TempDir(), ConfigFiles: ConfigFiles{RepositoryConfig: file}}
	_, err := c.Pull(t.Context(), "@ours", "redis", "19.0.0")
	wantFailure(t, err, file+" has no repository ours", "helm repo add ours URL")
	if err := os.WriteFile(file, []byte("repositories: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = (&Client{Network: local, Dir: t.TempDir(), ConfigFiles: ConfigFiles{RepositoryConfig: file}}).Pull(t.Context(), "@ours", "redis", "19.0.0")
	wantFailure(t, err, file+": yaml: ", "")
}

func TestCredentialsComeFromRepositoriesFileOrURL(t *testing.T) {
	server := unstartedChartServer(t)
	server.requirePassword()
	server.Start()
	server.add("redis", "19.0.0")
	withUser := strings.Replace(server.URL, "://", "://user:s3cret@", 1)
	login := "helm repo add NAME " + server.URL + " --username USER --password-stdin"
	for _, test := range []struct {
		name       string
		entry      map[string]any
		repository string
		hint       string // of the failure; "" for none
	}{
		{"no credentials", nil, server.URL, login},
		{"in repositories.yaml", map[string]any{"url": server.URL, "username": "user", "password": "s3cret"}, server.URL, ""},
		{"with a slash at the end", map[string]any{"url": server.URL + "/", "username": "user", "password": "s3cret"}, server.URL, ""},
		{"of another repository", map[string]any{"url": server.URL + "/x", "username": "user", "password": "s3cret"}, server.URL, login},
		{"wrong", map[string]any{"url": server.URL, "username": "user", "password": "s3cret2"}, server.URL,
			"helm repo add ours " + server.URL + " --username USER --password-stdin --force-update"},
		{"in the URL", nil, withUser, ""},
		{"wrong in the URL", nil, strings.Replace(withUser, "user", "s3cret", 1), login},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &Client{Network: local, Dir: t.TempDir()}
			if test.entry != nil {
				test.entry["name"] = "ours"
				c.RepositoryConfig = configure(t, test.entry)
			}
			if test.hint == "" {
				wantPull(t, c, test.repository, "redis", "19.0.0", "19.0.0")
				return
			}
			_, err := c.Pull(t.Context(), test.repository, "redis", "19.0.0")
			wantFailure(t, err, "redis 19.0.0 of "+server.URL+": "+server.URL+"/index.yaml: 401 Unauthorized", test.hint)
		})
	}
}

// TestCredentialsStayWithTheirHost: another port is another host. Go's client would send the credentials there.
func TestCredentialsStayWithTheirHost(t *testing.T) {
	server, other := newChartServer(t), newChartServer(t)
	other.add("redis", "19.0.0")
	credentials := map[string]any{"name": "ours", "url": server.URL, "username": "user", "password": "s3cret"}
	passed := maps.Clone(credentials)
	passed["pass_credentials_all"] = true
	server.addEntry("redis", map[string]any{"version": "19.0.0", "urls": []string{other.URL + "/redis-19.0.0.tgz"}})
	server.addEntry("redis", map[string]any{"version": "1.0.0", "urls": []string{"moved.tgz"}})
	server.redirect("/moved.tgz", other.URL+"/redis-19.0.0.tgz")
	for _, test := range []struct {
		name, version string
		entry         map[string]any
		want          bool
	}{
		{"absolute URL", "19.0.0", credentials, false},
		{"absolute URL, pass_credentials_all", "19.0.0", passed, true},
		{"redirect", "1.0.0", credentials, false},
		{"redirect, pass_credentials_all", "1.0.0", passed, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &Client{Network: local, Dir: t.TempDir(), ConfigFiles: ConfigFiles{RepositoryConfig: configure(t, test.entry)}}
			wantPull(t, c, server.URL, "redis", test.version, "19.0.0")
			if got := other.authorization("/redis-19.0.0.tgz"); (got != "") != test.want {
				t.Errorf("the other host got the credentials %q", got)
			}
			if server.authorization("/index.yaml") == "" {
				t.Error("the repository got no credentials")
			}
		})
	}
	_, err := (&Client{Network: local, Dir: t.TempDir()}).Pull(t.Context(), strings.Replace(server.URL, "://", "://user:s3cret@", 1)+"?token=s3cret", "redis", "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(other.headers["/redis-19.0.0.tgz"]); strings.Contains(got, "s3cret") || strings.Contains(got, "Authorization") {
		t.Errorf("the other host got %s", got)
	}
}

func TestCertificatesComeFromRepositoriesFile(t *testing.T) {
	server := unstartedChartServer(t)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	server.add("redis", "19.0.0")
	dir := t.TempDir()
	certificate := server.TLS.Certificates[0]
	key := writePEM(t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", pkcs8(t, certificate))
	authority := writePEM(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", certificate.Certificate[0])
	entry := map[string]any{"name": "ours", "url": server.URL}
	with := func(fields map[string]any) map[string]any {
		merged := maps.Clone(entry)
		maps.Copy(merged, fields)
		return merged
	}
	for _, test := range []struct {
		name          string
		entry         map[string]any
		message, hint string
	}{
		{"unknown authority", entry, "certificate signed by unknown authority", "helm repo add ours " + server.URL + " --ca-file FILE --force-update"},
		{"caFile", with(map[string]any{"caFile": authority}), "", ""},
		{"insecure", with(map[string]any{"insecure_skip_tls_verify": true}), "", ""},
		{"client certificate", with(map[string]any{"caFile": authority, "certFile": authority, "keyFile": key}), "", ""},
		{"no such caFile", with(map[string]any{"caFile": "none.pem"}), "caFile of repository ours: open none.pem", ""},
		{"caFile without certificate", with(map[string]any{"caFile": key}), "holds no certificate", ""},
		{"keyFile that is none", with(map[string]any{"certFile": authority, "keyFile": authority}), "certFile or keyFile of repository ours", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			presented := false
			server.handle("/redis-19.0.0.tgz", func(w http.ResponseWriter, r *http.Request) {
				presented = len(r.TLS.PeerCertificates) > 0
				w.Write(server.files["/redis-19.0.0.tgz"])
			})
			c := &Client{Network: local, Dir: t.TempDir(), ConfigFiles: ConfigFiles{RepositoryConfig: configure(t, test.entry)}}
			if test.message != "" {
				_, err := c.Pull(t.Context(), server.URL, "redis", "19.0.0")
				wantFailure(t, err, test.message, test.hint)
				return
			}
			wantPull(t, c, server.URL, "redis", "19.0.0", "19.0.0")
			if want := test.entry["keyFile"] != nil; presented != want {
				t.Errorf("client certificate presented: %t, want %t", presented, want)
			}
		})
	}
}

func writePEM(t *testing.T, file, kind string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestBadRepositoriesAreErrors(t *testing.T) {
	limit := loader.MaxDecompressedChartSize
	loader.MaxDecompressedChartSize = 1 << 20
	t.Cleanup(func() { loader.MaxDecompressedChartSize = limit })
	for _, test := range []struct {
		name          string
		prepare       func(*chartServer)
		version       string
		message, hint string
	}{
		{"no index", func(s *chartServer) { delete(s.files, "/index.yaml") }, "", "/index.yaml: 404 Not Found", "is the repository's URL right?"},
		{"forbidden", func(s *chartServer) { s.answer("/index.yaml", 403, "") }, "", "/index.yaml: 403 Forbidden", "helm repo add NAME"},
		{"broken index", func(s *chartServer) { s.answer("/index.yaml", 200, "entries: [\n") }, "", "index.yaml is no index of a chart repository: it is no YAML of that form", "oci://"},
		{"web page", func(s *chartServer) { s.answer("/index.yaml", 200, "<html>log in</html>") }, "", "index.yaml is no index of a chart repository: it is no YAML of that form", "oci://"},
		{"empty index", func(s *chartServer) { s.answer("/index.yaml", 200, "") }, "", "it has no apiVersion", "oci://"},
		{"bad entries", func(s *chartServer) { s.answer("/index.yaml", 200, "apiVersion: v1\nentries: {a: 1, b: 2}\n") }, "", "it is no YAML of that form", "oci://"},
		{"other charts", func(s *chartServer) { s.answer("/index.yaml", 200, "apiVersion: v1\n") }, "", "the repository has no chart of that name", "/index.yaml"},
		{"no such version", nil, "19.0.1", "there is no such version: the nearest are 19.0.0", changeVersionHint},
		{"null entries", func(s *chartServer) { s.answer("/index.yaml", 200, "apiVersion: v1\nentries: {redis: [null, {}]}\n") }, "", "there is no version of it", changeVersionHint},
		{"no URL", func(s *chartServer) { s.addEntry("redis", map[string]any{"version": "20.0.0"}) }, "", "no URL for version 20.0.0", ""},
		{"broken URL", func(s *chartServer) {
			s.addEntry("redis", map[string]any{"version": "20.0.0", "urls": []string{"https://user:s3cret@[::1"}})
		}, "", "broken URL for version 20.0.0", ""},
		{"no chart", func(s *chartServer) { delete(s.files, "/redis-19.0.0.tgz") }, "", "/redis-19.0.0.tgz: 404 Not Found", "is the repository's URL right?"},
		{"log-in page for a chart", func(s *chartServer) {
			s.addEntry("redis", map[string]any{"version": "20.0.0", "urls": []string{"login"}})
			s.answer("/login", 200, "<html>")
		}, "", "/login is no packaged chart: it is not compressed with gzip", ""},
		{"wrong digest", func(s *chartServer) { s.answer("/redis-19.0.0.tgz", 200, "altered") }, "19.0.0",
			"/redis-19.0.0.tgz has the digest sha256:" + digestOf([]byte("altered")) + ", but the repository's index says sha256:", "ask who runs the repository"},
		{"cut off", func(s *chartServer) {
			s.handle("/redis-19.0.0.tgz", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				io.WriteString(w, "short")
			})
		}, "", "/redis-19.0.0.tgz: unexpected EOF", ""},
		{"redirects without end", func(s *chartServer) { s.redirect("/index.yaml", "/index.yaml") }, "", "stopped after 10 redirects", ""},
		{"endless chart", func(s *chartServer) {
			s.handle("/redis-19.0.0.tgz", func(w http.ResponseWriter, _ *http.Request) {
				for block := make([]byte, 1<<16); ; {
					if _, err := w.Write(block); err != nil {
						return
					}
				}
			})
		}, "", "larger than 1 MiB", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := newChartServer(t)
			server.add("redis", "19.0.0")
			if test.prepare != nil {
				test.prepare(server)
			}
			c := &Client{Network: local, Dir: t.TempDir()}
			_, err := c.Pull(t.Context(), server.URL, "redis", test.version)
			wantFailure(t, err, test.message, test.hint)
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("got an error of several lines: %s", err)
			}
			if got := cachedFiles(t, c.Dir); len(got) != 0 {
				t.Errorf("the cache holds %v", got)
			}
		})
	}
}

func TestShownRepositoryHidesCredentials(t *testing.T) {
	for text, want := range map[string]string{
		"https://user:s3cret@example.com/charts?token=s3cret": "https://example.com/charts",
		"https://s3cret@example.com/charts":                   "https://example.com/charts",
		"https://user:s3/cret@example.com":                    "the repository",
		"user:s3cret@example.com":                             "the repository",
		"https:user:s3cret@example.com":                       "the repository",
		"oci://example.com/charts":                            "oci://example.com/charts",
		"@ours":                                               "@ours",
		"alias:ours":                                          "alias:ours",
		"stable":                                              "stable",
	} {
		if got := shownRepository(text); got != want {
			t.Errorf("shownRepository(%q) = %q, want %q", text, got, want)
		}
	}
	for _, repository := range []string{"https://user:s3cret@", "https://user:s3/cret@127.0.0.1:1", "https://s3cret:s3cret@127.0.0.1:1?q=s3cret", "oci://user:s3cret@127.0.0.1:1/x"} {
		_, err := (&Client{Network: local, Dir: t.TempDir()}).Pull(t.Context(), repository, "redis", "1.0.0")
		if err == nil || strings.Contains(fmt.Sprintf("%v %#v", err, err), "s3cret") {
			t.Errorf("%s: got the error %v", repository, err)
		}
	}
}
