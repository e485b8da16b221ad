//go:build unix

package kustomize

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	_, err := engine(t).Render(ctx, naming(server.URL+"/org/repo//base"), render.Source{Path: "app"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("what git had started goes on")
	}
}
