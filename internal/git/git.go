// Package git runs git, and nothing else in the program does. It says what a pull request, a branch or the working tree
// changed (Repository, File), gives a revision as a file system (Revision), and fetches repositories into a cache
// (Remote). It knows nothing of findings.
//
// What is run: the git on the PATH of the process, version 2.31 or later, started without a shell.
//
// Which environment git gets: of the environment that the caller passes, as os.Environ gives it, only the variables
// that git and its helpers need (environment.go). The package itself reads no environment.
//
// What is promised, also for the repository of a stranger:
//   - Git runs no hook, no filter, no external diff, no text conversion and no file system monitor, whatever the
//     configuration and .gitattributes say.
//   - Git runs no other program that the configuration of a repository names. The configuration of the user, and of the
//     system, may name programs with which the user reaches a remote: core.sshCommand and credential helpers. A
//     repository whose own configuration names one is reached without it.
//   - The configuration of a repository counts only as data, and only in Repository: for example, the URL of origin, a
//     header with a token that actions/checkout has left there, and which files are ignored. Remote reads no
//     configuration of a repository.
//   - A directory that looks like a bare repository is never taken for a repository. Only a .git makes one.
//   - Git speaks https, http, ssh and file, and no other protocol. A Remote without Local cannot use file, and a submodule
//     neither ssh nor file. Only Fetch, and the commands that compare revisions, for a partial clone whose objects are
//     missing, use the network at all.
//   - Git asks nothing on the terminal.
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
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// configuration overrides the configuration files. Settings that name a command are emptied. A repository may belong to
// another user, as it does in a container: for git, * means every directory.
var configuration = []string{
	"--no-pager",
	"-c", "safe.directory=*",
	"-c", "safe.bareRepository=explicit",
	"-c", "core.hooksPath=" + os.DevNull,
	"-c", "core.fsmonitor=false",
	"-c", "core.splitIndex=false", // else git writes a shared part of our copy of the index beside the real index
	"-c", "core.quotePath=true", // names in diffs are then ASCII
	"-c", "gc.auto=0",
	"-c", "maintenance.auto=false",
}

// runner runs git in a directory.
type runner struct {
	dir       string   // where git runs
	env       []string // the complete environment of git, from the function environment
	settings  []string // further arguments before the subcommand, after the variable configuration
	protocols string   // the protocols that git may use, as in GIT_ALLOW_PROTOCOL
}

// The protocols of a runner. Git then ignores the configuration protocol.*, and runs no helper for another protocol.
const (
	noProtocol      = "none"
	remoteProtocols = "https:http:ssh"
	localProtocols  = remoteProtocols + ":file"
	// The repository names the URLs of its submodules: no path of this machine, and no ssh, for which hosts are checked
	// in Remote.URL only.
	submoduleProtocols = "https:http"
)

// newRunner returns a runner with an environment that the caller passes, and without any protocol. It does not switch
// off the programs of the configuration: see disarm.
func newRunner(dir string, env []string) runner {
	return runner{dir: dir, env: environment(env), protocols: noProtocol}
}

// disarm switches off the programs that the configuration of the runner's directory names: hooks and filters of every
// configuration, and all programs of the configuration of a repository. Git runs filters to compare or to write files
// of the working tree, and .gitattributes of the repository says for which files. Then it gives the runner the
// protocols.
//
// It also makes ssh quiet, unless the user has chosen the command for ssh: git runs in a process group of its own.
// There, a question of ssh on the terminal, for a password or about an unknown host, would wait without end.
func (r *runner) disarm(ctx context.Context, protocols string) error {
	// Each entry is two items: the scope of the file, and the key.
	entries, err := r.list(ctx, "config", "--null", "--show-scope", "--name-only", "--list")
	if err != nil {
		return err
	}
	quiet := true
	for entry := range slices.Chunk(entries[:len(entries)&^1], 2) {
		scope, key := entry[0], entry[1]
		inRepository := scope == "local" || scope == "worktree"
		name, isHook := strings.CutPrefix(key, "hook.")
		switch {
		case isHook && strings.Contains(name, "."):
			r.empty("hook." + name[:strings.LastIndex(name, ".")] + ".enabled") // empty is false
		case strings.HasPrefix(key, "filter."), inRepository && namesProgram.MatchString(key):
			r.empty(key)
			quiet = quiet || key == "core.sshcommand"
		case inRepository && namesPeer.MatchString(key):
			protocols = strings.TrimSuffix(protocols, ":file")
		case key == "core.sshcommand":
			quiet = false
		}
	}
	for _, variable := range r.env {
		if strings.HasPrefix(variable, "GIT_SSH_COMMAND=") || strings.HasPrefix(variable, "GIT_SSH=") {
			quiet = false
		}
	}
	if quiet {
		r.env = append(r.env, "GIT_SSH_COMMAND=ssh -oBatchMode=yes")
	}
	r.protocols = protocols
	return nil
}

// namesProgram matches the keys whose value is a program that git starts, or may start in a later version. Git ends
// such names in a few ways (git help --config). namesPeer matches the keys for the program at the other side, which is
// started on this machine if the remote is a path. Git takes the first value of such a key, so it cannot be emptied.
var (
	namesProgram = regexp.MustCompile(
		`(command|cmd|helper|program|hook|askpass|gitproxy|driver|textconv|external|pager|editor)$`)
	namesPeer = regexp.MustCompile(`^remote\..*\.(uploadpack|receivepack)$`)
)

// empty makes the value of a key empty. A key may contain a =, at which -c would cut it.
func (r *runner) empty(key string) {
	r.settings = append(r.settings, "--config-env="+key+"="+emptyVariable)
}

// command returns git with some arguments, ready to start. It ends with the context.
func (r *runner) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "git", slices.Concat(configuration, r.settings, args)...)
	command.Dir = r.dir
	command.Env = append(slices.Clone(r.env), "GIT_ALLOW_PROTOCOL="+r.allowed())
	command.WaitDelay = 2 * time.Second
	endWithChildren(command)
	return command
}

// allowed returns the protocols that git may use: those of the runner, without those that the user has forbidden with
// GIT_ALLOW_PROTOCOL.
func (r *runner) allowed() string {
	for _, variable := range r.env {
		if of, ok := strings.CutPrefix(variable, "GIT_ALLOW_PROTOCOL="); ok {
			permitted := strings.Split(of, ":")
			both := slices.DeleteFunc(strings.Split(r.protocols, ":"), func(protocol string) bool {
				return !slices.Contains(permitted, protocol)
			})
			return strings.Join(append(both, noProtocol), ":")
		}
	}
	return r.protocols
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
