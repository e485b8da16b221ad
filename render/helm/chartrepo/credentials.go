package chartrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/docker/cli/cli/config/configfile"
	dockercredentials "github.com/docker/cli/cli/config/credentials"
	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// loginFile is Helm's or Docker's config.json. It holds credentials for registries, or the names of helper programs
// that print them, such as docker-credential-pass.
type loginFile struct{ *configfile.ConfigFile }

// login returns the credentials for a registry: from Helm's configuration, else from Docker's (NewClient in Helm's
// pkg/registry/client.go). Without credentials it returns authn.Anonymous.
func (c *Client) login(ctx context.Context, host string) (authn.Authenticator, error) {
	files, err := c.logins.Get(ctx, "", c.readLogins)
	if err != nil {
		return nil, err
	}
	if host == name.DefaultRegistry || host == "registry-1.docker.io" {
		host = authn.DefaultAuthKey
	}
	for _, file := range files {
		login, err := file.get(ctx, host)
		if err != nil {
			return nil, err
		}
		if login != (authn.AuthConfig{}) {
			return authn.FromConfig(login), nil
		}
	}
	return authn.Anonymous, nil
}

// readLogins reads the configuration of Helm and of Docker. A broken file of Docker is ignored, as Helm does.
func (c *Client) readLogins() ([]loginFile, error) {
	helm, err := readLoginFile(c.RegistryConfig)
	if err != nil {
		return nil, err
	}
	docker, err := readLoginFile(c.DockerConfig)
	if err != nil {
		return []loginFile{helm}, nil
	}
	return []loginFile{helm, docker}, nil
}

// readLoginFile reads a config.json; the file need not exist. If it holds no credentials, they come from the helper
// program of the platform, if that is installed: pass on Linux, the keychain on macOS.
func readLoginFile(file string) (loginFile, error) {
	login := loginFile{configfile.New(file)}
	if file == "" {
		return login, nil
	}
	content, err := os.Open(file)
	if err == nil {
		defer content.Close()
		err = login.LoadFromReader(content)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return login, fmt.Errorf("%s: %w", file, err)
	}
	if !login.ContainsAuth() {
		login.CredentialsStore = dockercredentials.DetectDefaultStore("")
	}
	return login, nil
}

// get returns the credentials for a host; an empty value if there are none. It does not call GetAuthConfig of the
// library, which reads the environment, and which a context cannot cancel while a helper program waits for the user's
// password.
func (f loginFile) get(ctx context.Context, host string) (authn.AuthConfig, error) {
	helper := cmp.Or(f.CredentialHelpers[host], f.CredentialsStore)
	if helper == "" {
		found, err := dockercredentials.NewFileStore(f).Get(host)
		return authn.AuthConfig{
			Username: found.Username, Password: found.Password,
			IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
		}, err
	}
	found, err := client.Get(func(args ...string) client.Program {
		return helperProgram{exec.CommandContext(ctx, "docker-credential-"+helper, args...)}
	}, host)
	switch {
	case credentials.IsErrCredentialsNotFound(err):
		return authn.AuthConfig{}, nil
	case err != nil:
		return authn.AuthConfig{}, err
	case found.Username == "<token>": // By the protocol of helper programs, the secret is then an identity token.
		return authn.AuthConfig{IdentityToken: found.Secret}, nil
	}
	return authn.AuthConfig{Username: found.Username, Password: found.Secret}, nil
}

// helperProgram is a process of docker-credential-NAME, for the library.
type helperProgram struct{ *exec.Cmd }

// Input implements client.Program.
func (p helperProgram) Input(in io.Reader) { p.Stdin = in }
