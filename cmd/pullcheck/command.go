package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// The exit codes. They are part of the program's interface, and README.md documents them.
const (
	exitClean    = 0
	exitFindings = 1 // findings at or above --fail-on
	exitUsage    = 2 // wrong usage or configuration
	exitFailures = 3 // a source could not be rendered or read
)

// Command is everything that the program needs from its process. Tests run the program with a Command of their own,
// several at the same time: no other code reads the working directory, the environment, or the standard streams of the
// process.
type Command struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Dir is the working directory. If it is empty, relative paths are those of the process.
	Dir string
	// Env is the environment, with entries NAME=VALUE as os.Environ returns them.
	Env []string
}

// getenv returns the value of an environment variable; "" if it is not set. If Env repeats a variable, the last value
// counts, as in os/exec.
func (c *Command) getenv(name string) string {
	for _, variable := range slices.Backward(c.Env) {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// path returns a path that the user typed as an absolute path. A relative path begins at Dir.
func (c *Command) path(typed string) string {
	if filepath.IsAbs(typed) {
		return typed
	}
	return filepath.Join(c.Dir, typed)
}

// subcommand is one subcommand, such as check, with the texts for help.
type subcommand struct {
	name, arguments, summary string
	// run runs the subcommand. It returns the exit code, or an error, from which Command.fail makes message and exit code.
	run func(ctx context.Context, c *Command, args []string) (int, error)
}

// subcommands returns all subcommands. It is a function and no variable, because help is in the table and reads the
// table.
func subcommands() []subcommand {
	return []subcommand{
		{"check", "[flags] [PATH...]", "render, check and report", runCheck},
		{"render", "[flags] PATH", "print the manifests as helm template and kustomize build do", runRender},
		{"review", "[flags]", "check what a pull request changed and review it on GitHub", runReview},
		{"hook", "[flags]", "check standard input and print it: a post-renderer of Helm, a KRM function", runHook},
		{"generate", "", "print the manifests of an Application, as a config management plugin of Argo CD", runGenerate},
		{"why", "[flags] KIND/NAME FIELD PATH", "say where a field of a rendered object was decided", runWhy},
		{"explain", "[RULE]", "print the documentation of a rule, or list the rules", runExplain},
		{"version", "", "print the version", runVersion},
		{"help", "", "print this text", runHelp},
	}
}

// usageError is the error for wrong usage or wrong configuration. The hint is the next thing to type. If it is empty,
// the hint of a wrapped *yamldoc.Error counts.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// usagef returns a usageError with a hint and a formatted message.
func usagef(hint, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), hint}
}

// shutdownGrace is how long an interrupted run may clean up before the program ends.
const shutdownGrace = 500 * time.Millisecond

// Run runs the subcommand that the arguments name, and returns the exit code. A panic becomes an error that asks for a
// report.
//
// If the context is canceled, Run returns within shutdownGrace, even if the subcommand still runs: the render of a
// chart cannot be interrupted. Such a subcommand can then write only to the cache, where a file appears when it is
// complete; a later run deletes incomplete files.
func (c *Command) Run(ctx context.Context, args []string) int {
	// The subcommand runs in a goroutine of its own, so that Run can return although the subcommand does not.
	type end struct {
		code int
		err  error
	}
	done := make(chan end, 1)
	go func() {
		defer func() {
			if value := recover(); value != nil {
				done <- end{0, fmt.Errorf("a fault in pullcheck, please report it: %v\n%s", value, debug.Stack())}
			}
		}()
		code, err := c.dispatch(ctx, args)
		done <- end{code, err}
	}()
	select {
	case e := <-done:
		if e.err != nil {
			return c.fail(e.err)
		}
		return e.code
	case <-ctx.Done():
		select {
		case <-done:
		case <-time.After(shutdownGrace):
		}
		fmt.Fprintln(c.Stderr, "pullcheck: interrupted")
		return exitFailures
	}
}

// dispatch runs the subcommand that the first argument names. The flags --help and --version work as in other programs.
func (c *Command) dispatch(ctx context.Context, args []string) (int, error) {
	switch {
	case len(args) == 0:
		return 0, usagef("pullcheck help", "no command, expected one of %s", commandNames())
	case args[0] == "-h" || args[0] == "--help":
		return runHelp(ctx, c, nil)
	case args[0] == "--version":
		return runVersion(ctx, c, nil)
	}
	for _, sub := range subcommands() {
		if sub.name == args[0] {
			return sub.run(ctx, c, args[1:])
		}
	}
	return 0, usagef("pullcheck help", "unknown command %q, expected one of %s", args[0], commandNames())
}

// commandNames returns the names of all subcommands, for a message.
func commandNames() string {
	var names []string
	for _, sub := range subcommands() {
		names = append(names, sub.name)
	}
	return strings.Join(names, ", ")
}

// fail prints an error and its hint on standard error, and returns the exit code: 2 for an error in what the user
// typed, and 3 for all other errors. Nothing else in the program prints an error and ends.
func (c *Command) fail(err error) int {
	if errors.Is(err, pflag.ErrHelp) {
		return exitClean
	}
	code, hint := exitFailures, ""
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		hint = failure.Hint
	}
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		code, hint = exitUsage, cmp.Or(usage.hint, hint)
	} else if path := (*tree.PathError)(nil); errors.As(err, &path) {
		code, hint = exitUsage, path.Hint
	} else if nothing := (*scan.NothingError)(nil); errors.As(err, &nothing) {
		code, hint = exitUsage, tree.PathHint
	}
	fmt.Fprintf(c.Stderr, "pullcheck: %s\n", report.Lines(err.Error()))
	if hint != "" {
		fmt.Fprintf(c.Stderr, "hint: %s\n", report.Line(hint))
	}
	return code
}

// newFlags returns a flag set for a subcommand. It prints its usage on standard output if the user asks with --help,
// and prints nothing on errors, because fail does.
func (c *Command) newFlags(name string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard) // else pflag prints errors, too
	flags.Usage = func() {
		all := subcommands()
		sub := all[slices.IndexFunc(all, func(s subcommand) bool { return s.name == name })]
		fmt.Fprintf(c.Stdout, "pullcheck %s %s: %s\n\n%s", name, sub.arguments, sub.summary, flags.FlagUsages())
	}
	return flags
}

// parseFlags parses the arguments. The error is a usageError, or pflag.ErrHelp after the usage was printed.
func parseFlags(flags *pflag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return usagef(fmt.Sprintf("pullcheck %s --help", flags.Name()), "%w", err)
}

// runHelp is `pullcheck help`: it lists the subcommands and the exit codes.
func runHelp(_ context.Context, c *Command, _ []string) (int, error) {
	fmt.Fprint(c.Stdout,
		"pullcheck finds the containers that Kubernetes may start from a stale image, in what Helm charts,\n"+
			"Kustomize overlays and manifests really deploy.\n\nusage:\n")
	for _, sub := range subcommands() {
		fmt.Fprintf(c.Stdout, "  pullcheck %-32s %s\n", strings.TrimSpace(sub.name+" "+sub.arguments), sub.summary)
	}
	_, err := fmt.Fprint(c.Stdout,
		"\nexit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 a source could not be rendered\n"+
			"`pullcheck COMMAND --help` lists the flags of a command.\n")
	return exitClean, err
}

// isTerminal reports whether a stream is a terminal that can show colours and progress.
func (c *Command) isTerminal(stream io.Writer) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && c.getenv("TERM") != "dumb"
}

// colors reports whether text on a stream gets colours. A value of NO_COLOR turns them off (https://no-color.org).
func (c *Command) colors(stream io.Writer) bool {
	return c.isTerminal(stream) && c.getenv("NO_COLOR") == ""
}
