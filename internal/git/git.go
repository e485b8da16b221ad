// Package git runs git, and nothing else in the program does. It says what a pull request, a branch or the working tree
// changed (Repository, File), gives a revision as a file system (Revision), and fetches repositories into a cache
// (Remote). It knows nothing of findings.
//
// What is run: the git on the PATH of the process, version 2.31 or later, started without a shell.
//
// Which environment git gets: the one that the caller passes, as os.Environ gives it. The package itself reads no
// environment, and one function (environment) decides what is left out and what is added. For example, a GIT_DIR that a
// hook of git has set is left out.
//
// What is promised, also for the repository of a stranger:
//   - Git runs no hook, no filter, no external diff, no text conversion and no file system monitor, whatever the
//     configuration and .gitattributes say. It does run credential helpers and core.sshCommand, because the user
//     reaches a remote through them. They come from the configuration of the user. Only Repository.Fetch, and a
//     partial clone for which git itself fetches missing objects, also use the configuration of the repository.
//   - Git 2.38 or later never discovers a bare repository: a directory of the input that looks like one, with a config
//     of its own, configures nothing.
//   - Git opens no ext:: transport, and asks nothing on the terminal.
//   - Git takes no lock that it can do without, and changes no file of the working tree. Only Repository.Fetch, and git
//     itself in a partial clone, write into the repository.
//   - When the context ends, git and the programs that it has started are told to end, and git is killed if it is not
//     gone after two seconds.
//   - Messages carry the first line with which git fails, without credentials.
package git

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// gitLocalEnv lists the variables that make git use another repository, or show another diff, than the caller wants.
// Git sets some of them for a hook, for example. The list has the variables that `git rev-parse --local-env-vars`
// prints, without the variables that hold configuration (GIT_CONFIG_PARAMETERS, GIT_CONFIG_COUNT), and some variables
// of `git help git`.
var gitLocalEnv = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_ATTR_SOURCE", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIFF_OPTS", "GIT_DIR",
	"GIT_EXTERNAL_DIFF", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX",
	"GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}

// emptyVariable is an environment variable with an empty value, for --config-env.
const emptyVariable = "PULLCHECK_EMPTY"

// environment returns the environment for git: the caller's without gitLocalEnv, and with the variables that keep git
// from asking questions, from taking optional locks, from replacing objects and from translating its messages.
func environment(caller []string) []string {
	env := slices.DeleteFunc(slices.Clone(caller), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(gitLocalEnv, name)
	})
	return append(env,
		"GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C", emptyVariable+"=")
}

// configuration overrides the configuration files. Settings that name a command are emptied. A repository may belong to
// another user, as it does in a container: for git, * means every directory.
var configuration = []string{
	"-c", "safe.directory=*",
	"-c", "safe.bareRepository=explicit",
	"-c", "protocol.ext.allow=never", // protocol.file keeps git's default: a submodule may not use it
	"-c", "core.hooksPath=" + os.DevNull,
	"-c", "core.fsmonitor=false",
	"-c", "core.splitIndex=false", // else git writes a shared part of our copy of the index beside the real index
	"-c", "core.quotePath=true", // names in diffs are then ASCII
	"-c", "gc.auto=0",
	"-c", "maintenance.auto=false",
}

// runner runs git in a directory.
type runner struct {
	dir      string   // where git runs
	env      []string // the complete environment of git, from the function environment
	settings []string // further arguments before the subcommand, after the variable configuration
}

// newRunner returns a runner with an environment that the caller passes. It does not switch off filters: see disarm.
func newRunner(dir string, env []string) runner { return runner{dir: dir, env: environment(env)} }

// disarm switches off the filters that the configuration of the runner's directory names. Git runs them to compare or
// to write files of the working tree, and .gitattributes of the repository says for which files. It also makes ssh
// quiet, unless the user has chosen the command for ssh: git runs in a process group of its own. There, a question of
// ssh on the terminal, for a password or about an unknown host, would wait without end.
func (r *runner) disarm(ctx context.Context) error {
	const commands = `^(filter\..*\.(clean|smudge|process|required)|core\.sshcommand)$`
	keys, err := r.list(ctx, "config", "--null", "--name-only", "--get-regexp", commands)
	if err != nil && !saidNo(err) {
		return err
	}
	quiet := true
	for _, key := range keys {
		if key == "core.sshcommand" {
			quiet = false
			continue
		}
		// A key may contain a =, at which -c would cut it.
		r.settings = append(r.settings, "--config-env="+key+"="+emptyVariable)
	}
	for _, variable := range r.env {
		if strings.HasPrefix(variable, "GIT_SSH_COMMAND=") || strings.HasPrefix(variable, "GIT_SSH=") {
			quiet = false
		}
	}
	if quiet {
		r.env = append(r.env, "GIT_SSH_COMMAND=ssh -oBatchMode=yes")
	}
	return nil
}

// command returns git with some arguments, ready to start. It ends with the context.
func (r *runner) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "git", slices.Concat(configuration, r.settings, args)...)
	command.Dir = r.dir
	command.Env = slices.Clone(r.env)
	command.WaitDelay = 2 * time.Second
	endWithChildren(command)
	return command
}

// output runs git with some arguments and returns its standard output. For the error, see the function output.
func (r *runner) output(ctx context.Context, args ...string) (string, error) {
	return output(ctx, r.command(ctx, args...))
}

// list runs git for a list whose items end with NUL.
func (r *runner) list(ctx context.Context, args ...string) ([]string, error) {
	text, err := r.output(ctx, args...)
	items := strings.Split(text, "\x00")
	return items[:len(items)-1], err
}

// output runs a command of git and returns its standard output. The error is an *Error, a *yamldoc.Error with
// ErrNoGit, or the error of the context.
func output(ctx context.Context, command *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.Output()
	switch {
	case err == nil:
		return string(stdout), nil
	case errors.Is(err, exec.ErrNotFound):
		return "", &yamldoc.Error{Err: ErrNoGit, Hint: "install git"}
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	return "", &Error{firstErrorLine(stderr.String(), err), err}
}

// ErrNoGit is in the errors where git is not installed.
var ErrNoGit = errors.New("there is no git on the PATH")

// Error is a failure that git reports.
type Error struct {
	// Line is the first line with which git, or a program that git runs, says that it fails, without credentials. For
	// example: fatal: repository 'https://example.com/a/' not found.
	Line string
	err  error // how git ended
}

// Error returns the line without git's label.
func (e *Error) Error() string {
	return "git: " + strings.TrimPrefix(strings.TrimPrefix(e.Line, "fatal: "), "error: ")
}

// Unwrap returns how git ended.
func (e *Error) Unwrap() error { return e.err }

// saidNo reports whether an error means that git ran and answered no: exit code 1. For example, rev-parse --verify
// answers no for a name that is no commit.
func saidNo(err error) bool {
	exit := (*exec.ExitError)(nil)
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// firstErrorLine returns the first line of standard error that is neither a warning nor a hint, and that no server has
// sent. If there is no such line, it returns the text of err. The first line says most: later lines only say that a
// program which git has run has failed.
func firstErrorLine(stderr string, err error) string {
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		label, _, _ := strings.Cut(strings.ToLower(line), ": ")
		if line != "" && label != "warning" && label != "hint" && label != "remote" {
			return fetch.Redact(line)
		}
	}
	return fetch.Redact(err.Error())
}
