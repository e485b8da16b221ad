//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pullcheck/pullcheck/internal/rendertest"
)

// fakeGit is a git that does something else at one call, as a format. Its arguments are the file with the number of
// calls, the number of that call, what happens then, and the real git.
const fakeGit = `#!/bin/sh
n=$(($(cat %[1]s) + 1))
echo $n > %[1]s
if [ $n = %[2]d ]; then
  %[3]s
fi
exec %[4]s "$@"
`

// gitFaults are what a call of git may do. A git that lies, and says that all is well, is not found out.
var gitFaults = map[string]struct {
	does string
	lies bool
}{
	"fails":               {"echo 'fatal: injected' >&2; exit 128", false},
	"prints garbage":      {`printf 'x blob -7\n\0\377 \t\n'; exit 0`, true},
	"the program is told": {"kill -TERM $PPID; exec sleep 60", false},
}

// TestEachCallOfGitMayFail runs check --fix, once with a fault at its first call of git, once at its second, and so on.
// Each file is the old one or the fixed one, nothing is left beside it, and where a fault changed the result, the
// program says so.
func TestEachCallOfGitMayFail(t *testing.T) {
	t.Parallel()
	const fixed = "policy: Always\n"
	origin := t.TempDir()
	commit := func(files map[string][]byte) {
		writeFiles(t, origin, files)
		rendertest.Git(t, origin, "add", "--all")
		rendertest.Git(t, origin, "commit", "--quiet", "--message=test")
	}
	rendertest.Git(t, origin, "init", "--quiet")
	commit(map[string][]byte{"api/Chart.yaml": []byte(reviewedChart), "api/values.yaml": []byte(fixed), "api/templates/pod.yaml": []byte(reviewedTemplate)})
	commit(map[string][]byte{"api/values.yaml": []byte("policy: IfNotPresent\n")})
	writeFiles(t, origin, map[string][]byte{"new/pod.yaml": []byte("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{image: a, imagePullPolicy: Never}]}}\n")})
	calls, code, stderr := runWithGit(t, origin, 0, ":")
	if calls < 5 || code != exitClean || strings.Count(stderr, "fixed: ") != 2 {
		t.Fatalf("without a fault there are %d calls, and the code %d:\n%s", calls, code, stderr)
	}
	for name, fault := range gitFaults {
		for at := 1; at <= calls; at++ {
			t.Run(fmt.Sprintf("%s at call %d", name, at), func(t *testing.T) {
				t.Parallel()
				_, code, got := runWithGit(t, origin, at, fault.does)
				if strings.Contains(got, "panic: ") || strings.Contains(got, "goroutine ") {
					t.Errorf("it panics:\n%s", got)
				}
				if code == exitClean && !fault.lies && strings.Count(got, "fixed: ") != 2 || code != exitClean && code != -1 && got == "" {
					t.Errorf("the code is %d, and it says:\n%s", code, got)
				}
			})
		}
	}
}

// runWithGit runs check --fix in a copy of a repository, with a git that has a fault at one of its calls. It returns the
// number of calls, the exit code and standard error; the code is -1 if a signal ended the program. It holds that each
// file is the old one or the fixed one.
func runWithGit(t *testing.T, origin string, at int, does string) (calls, code int, stderr string) {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	count := filepath.Join(bin, "count")
	script := fmt.Sprintf(fakeGit, count, at, does, real)
	if err := errors.Join(os.CopyFS(dir, os.DirFS(origin)), os.WriteFile(count, []byte("0\n"), 0o600), os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o700)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "pullcheck", "check", "--fix", "--since", "HEAD~1")
	command.Dir = dir
	command.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0", "XDG_CACHE_HOME="+t.TempDir())
	var said bytes.Buffer
	command.Stderr, command.WaitDelay = &said, time.Second
	_ = command.Run()
	if ctx.Err() != nil {
		t.Errorf("the program does not end")
	}
	for name, data := range readFiles(t, dir) {
		before, _ := os.ReadFile(filepath.Join(origin, name))
		if !strings.HasPrefix(name, ".git/") && !bytes.Equal(data, before) && !bytes.Equal(data, fixedForm(before)) {
			t.Errorf("%s is %q", name, data)
		}
	}
	text, _ := os.ReadFile(count)
	_, _ = fmt.Sscan(string(text), &calls)
	return calls, command.ProcessState.ExitCode(), said.String()
}

// fixedForm is a file with its policies fixed.
func fixedForm(before []byte) []byte {
	return []byte(strings.NewReplacer("IfNotPresent", "Always", "Never", "Always").Replace(string(before)))
}
