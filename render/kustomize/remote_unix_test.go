//go:build unix

package kustomize

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pullcheck/pullcheck/render"
)

// TestCanceledFetchLeavesNoProcess has a server that sees whether the program which git runs for HTTP is gone.
func TestCanceledFetchLeavesNoProcess(t *testing.T) {
	r := newRepo(t)
	if _, err := os.Stat(filepath.Join(r.git("--exec-path"), "git-remote-http")); err != nil {
		t.Skip("this git has no HTTP")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	gone := make(chan struct{}, 1)
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		cancel()
		select {
		case <-request.Context().Done():
			gone <- struct{}{}
		case <-stop:
		}
	}))
	defer server.Close()
	defer close(stop)
	_, err := Source{Engine: engine(t), Path: "app"}.Render(ctx, render.In{Tree: naming(server.URL + "/org/repo//base")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("what git had started goes on")
	}
}

// TestSSHAsksNothing puts an ssh on the PATH that prints its arguments.
func TestSSHAsksNothing(t *testing.T) {
	newRepo(t) // for its environment
	bin := t.TempDir()
	script := "#!/bin/sh\necho \"called with $*\" >&2\nexit 255\n"
	for _, name := range []string{"ssh", "other"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, test := range []struct {
		name, variable, value string
		quiet                 bool
	}{
		{name: "by default", quiet: true},
		{name: "a command in the environment", variable: "GIT_SSH_COMMAND", value: "other"},
		{name: "a program in the environment", variable: "GIT_SSH", value: filepath.Join(bin, "other")},
		{name: "a command in the configuration", variable: "GIT_CONFIG_PARAMETERS", value: "'core.sshCommand'='other'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, name := range []string{"GIT_SSH_COMMAND", "GIT_SSH"} {
				t.Setenv(name, "") // so that it is as it was after the test
				os.Unsetenv(name)
			}
			if test.variable != "" {
				t.Setenv(test.variable, test.value)
			}
			_, err := Source{Engine: engine(t), Path: "app"}.Render(context.Background(), render.In{Tree: naming("ssh://git@127.0.0.1/org/repo//base")})
			if err == nil || !strings.Contains(err.Error(), "called with ") || strings.Contains(err.Error(), "-oBatchMode=yes") != test.quiet {
				t.Errorf("got %v, want it quiet: %t", err, test.quiet)
			}
		})
	}
}
