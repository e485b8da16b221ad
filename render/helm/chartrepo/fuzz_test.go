package chartrepo

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzReference holds that a reference that parses names the host and the repository of its text, and nothing that
// leads elsewhere.
func FuzzReference(f *testing.F) {
	for _, text := range []string{"oci://example.com/charts/web", "oci://localhost:5000/web:1", "oci://example.com/web@sha256:" + strings.Repeat("0", 64), "oci:///", "oci://a/../b", "oci://u:p@a/b", "oci://a/b:c:d", "oci://[::1]:80/a", "oci://a/b@"} {
		f.Add(text, "1.2.3+4")
	}
	f.Fuzz(func(t *testing.T, text, version string) {
		reference, err := (&Client{}).parseReference(text, version)
		if err != nil {
			return
		}
		host, _, _ := strings.Cut(strings.TrimPrefix(text, "oci://"), "/")
		if got := reference.Context().RegistryStr(); got != host && !(host == "docker.io" && got == "index.docker.io") {
			t.Errorf("%q is at the host %q", text, got)
		}
		path := reference.Context().RepositoryStr()
		u, err := url.Parse("https://example.com/v2/" + path + "/manifests/" + reference.Identifier())
		if err != nil || strings.Contains(path, "..") || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q becomes the path %q: %v", text, path, err)
		}
	})
}

// FuzzChoose holds that the chosen version is one of the list, and one that was asked for.
func FuzzChoose(f *testing.F) {
	for _, asked := range []string{"", "1.2.3", "^1", ">=1.0.0-0 <2", "1.x || 3", "v1", "~", "=1.0.0+a", "1.0.0 - 2.0.0", "latest"} {
		f.Add("1.0.0 1.2.3 2.0.0-rc.1 v3 broken 1.0.0+a", asked)
	}
	f.Fuzz(func(t *testing.T, list, asked string) {
		versions := strings.Fields(list)
		i, err := choose(versions, asked)
		if err != nil {
			return
		}
		sorted := newestFirst(versions[i : i+1])
		constraint, err := parseConstraint(asked)
		if err != nil || len(sorted) != 1 || versions[i] != asked && !constraint.Check(sorted[0].version) {
			t.Errorf("%q of %q for %q: %v", versions[i], versions, asked, err)
		}
	})
}

// FuzzIndex holds that any index is refused, or that what it has of a chart can be downloaded from a URL.
func FuzzIndex(f *testing.F) {
	for _, text := range []string{
		"", "apiVersion: v1\nentries: {web: [{version: 1.0.0, urls: [web.tgz, https://a/b], digest: ab}, ~, {version: x}, {version: 2.0.0, urls: []}]}\n",
		"apiVersion: v1\nentries: &a {web: *a}\n", "apiVersion: v1\nentries: {web: [{version: 1.0.0, urls: ['://', \"a\\u0000\", '../../../x', 'file:///etc/passwd']}]}\n", "<html>",
	} {
		f.Add([]byte(text), "https://user:secret@example.com/charts")
	}
	f.Fuzz(func(t *testing.T, data []byte, base string) {
		u, err := url.Parse(base)
		if err != nil || checkRepositoryURL(base) != nil {
			return
		}
		r := &repositoryIndex{entry: repositoryEntry{URL: base}, base: u}
		if err := r.parse(data); err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		for name := range r.entries {
			if found, err := r.find(name, ""); err == nil && found.version == "" {
				t.Errorf("%s of %q has no version", name, data)
			}
		}
	})
}

// FuzzRepositoryURL holds that no password is shown, and that only what can be asked over the network is accepted.
func FuzzRepositoryURL(f *testing.F) {
	for _, text := range []string{"https://user:hunter2@example.com/a", "oci://example.com/a", "@name", "alias:name", "file://../a", "user:hunter2@host/x", "https://example.com/?token=hunter2", "//hunter2@a", "%zz:hunter2@a", "s3://a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := shownRepository(text)
		if err := checkRepositoryURL(text); err != nil {
			shown += err.Error()
		} else if !strings.Contains(text, "://") {
			t.Errorf("%q is accepted", text)
		}
		if u, err := url.Parse(text); err == nil && u.User != nil && u.Host != "" {
			if password, _ := u.User.Password(); len(password) > 6 && strings.Contains(shown, password) {
				t.Errorf("%q is shown as %q", text, shown)
			}
		}
		canonicalURL(text)
	})
}

// FuzzConfiguration holds that any repositories.yaml and any config.json are read or refused, and that no message has
// their passwords.
func FuzzConfiguration(f *testing.F) {
	for _, text := range []string{
		"repositories:\n- {name: a, url: 'https://example.com', username: u, password: hunter2}\n- ~\n", "repositories: {}", "&a [*a]", "", "{",
		`{"auths": {"example.com": {"auth": "dTpodW50ZXIy"}}, "credHelpers": {"a": "b"}, "credsStore": ""}`, `{"auths": {"example.com": {"auth": "!"}}}`, `{"auths": null}`, `[]`,
	} {
		f.Add([]byte(text))
	}
	file := filepath.Join(f.TempDir(), "config")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readRepositories(file)
		login, loginErr := readLoginFile(file)
		for _, err := range []error{err, loginErr} {
			if err != nil && !strings.HasPrefix(err.Error(), file) {
				t.Errorf("the error does not name the file: %v", err)
			}
		}
		if loginErr == nil && login.CredentialsStore == "" && len(login.CredentialHelpers) == 0 {
			_, _ = login.get(t.Context(), "example.com")
		}
	})
}
