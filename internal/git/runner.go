package git

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// foreign are the variables that would make git see another repository or show another diff than that of the
// commits: those of `git rev-parse --local-env-vars`, which are set in a hook of git, without those that hold
// configuration, and some of `git help git`.
var foreign = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_ATTR_SOURCE", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIFF_OPTS", "GIT_DIR",
	"GIT_EXTERNAL_DIFF", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX",
	"GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}

// configuration goes before that of files. What stands there of commands is not run, and a repository may
// belong to another user, as in a container; git takes * for any.
var configuration = []string{
	"-c", "safe.directory=*",
	"-c", "core.hooksPath=" + os.DevNull,
	"-c", "core.fsmonitor=false",
	"-c", "core.splitIndex=false", // else git writes a shared part of our copy of the index beside the true one
	"-c", "core.quotePath=true", // names in diffs are then ASCII
	"-c", "gc.auto=0",
	"-c", "maintenance.auto=false",
}

// gitIn is git in a directory. It asks no questions and takes no locks, and ends with the context.
func gitIn(ctx context.Context, dir string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "git", append(slices.Clone(configuration), args...)...)
	command.Dir = dir
	command.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(foreign, name)
	}), "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C", nothing+"=")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // which git hands on to its children
	command.WaitDelay = 2 * time.Second
	return command
}

// nothing is an empty variable, for --config-env.
const nothing = "PULLCHECK_NOTHING"

// output runs git and returns what it prints.
func output(ctx context.Context, command *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	switch {
	case err == nil:
		return string(stdout), nil
	case errors.Is(err, exec.ErrNotFound):
		return "", &yamldoc.Error{Err: errors.New("there is no git on the PATH"), Hint: "install git"}
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	return "", &gitError{reason(stderr.String(), err), err}
}

// gitError says what git said of a failure.
type gitError struct {
	message string
	err     error // how git ended
}

func (e *gitError) Error() string { return "git: " + e.message }
func (e *gitError) Unwrap() error { return e.err }

// saidNo reports whether git ran and answered no, which it does with exit code 1.
func saidNo(err error) bool {
	exit := (*exec.ExitError)(nil)
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// credentials are those in a URL.
var credentials = regexp.MustCompile(`://[^/\s'"]*@`)

// reason is the first line with which git, or what it runs, says that it fails. What follows is more general.
func reason(stderr string, err error) string {
	first := ""
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		for _, label := range []string{"fatal: ", "error: "} {
			if message, ok := strings.CutPrefix(line, label); ok {
				return credentials.ReplaceAllString(message, "://")
			}
		}
		if first == "" && !strings.HasPrefix(line, "warning: ") {
			first = line
		}
	}
	if first == "" {
		return err.Error()
	}
	return credentials.ReplaceAllString(first, "://")
}
