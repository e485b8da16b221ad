package main

import (
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

// The exit codes.
const (
	exitClean    = 0
	exitFindings = 1 // findings at or above --fail-on
	exitUsage    = 2 // wrong usage or configuration
	exitFailures = 3 // a source could not be rendered or read
)

// Command is the program, apart from the process in which it runs.
type Command struct {
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Dir is the working directory, and Env the environment as os.Environ returns it. Only the subcommands read them.
	Dir string
	Env []string
}

// getenv returns the value of a variable of the environment; "" if it is not set. The last of repeated variables counts.
func (c *Command) getenv(name string) string {
	for _, variable := range slices.Backward(c.Env) {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// path returns a path that the user typed, from the root of the file system on.
func (c *Command) path(typed string) string {
	if filepath.IsAbs(typed) {
		return typed
	}
	return filepath.Join(c.Dir, typed)
}

// subcommand is a row of the table that help is made from.
type subcommand struct {
	name, arguments, summary string
	// run returns the exit code, or an error that decides it.
	run func(ctx context.Context, c *Command, args []string) (int, error)
}

// subcommands is a function, since help reads the table that help is in.
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

// usageError is wrong usage or configuration, with the next thing to type.
type usageError struct {
	err  error
	hint string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(hint, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), hint}
}

// patience is how long an interrupted run may clean up. Rendering a chart cannot be interrupted.
const patience = 500 * time.Millisecond

// Run runs one subcommand and returns the exit code. On a canceled context it returns within the patience: what it
// leaves running writes nothing but to the cache, and what is not complete there nobody reads and a later run removes.
func (c *Command) Run(ctx context.Context, args []string) int {
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
		case <-time.After(patience):
		}
		fmt.Fprintln(c.Stderr, "pullcheck: interrupted")
		return exitFailures
	}
}

func (c *Command) dispatch(ctx context.Context, args []string) (int, error) {
	if len(args) == 0 {
		return 0, usagef("pullcheck help", "no command, expected one of %s", commandNames())
	}
	if args[0] == "-h" || args[0] == "--help" {
		return runHelp(ctx, c, nil)
	}
	if args[0] == "--version" {
		return runVersion(ctx, c, nil)
	}
	for _, sub := range subcommands() {
		if sub.name == args[0] {
			return sub.run(ctx, c, args[1:])
		}
	}
	return 0, usagef("pullcheck help", "unknown command %q, expected one of %s", args[0], commandNames())
}

func commandNames() string {
	var names []string
	for _, sub := range subcommands() {
		names = append(names, sub.name)
	}
	return strings.Join(names, ", ")
}

// fail prints an error and its hint, and returns the exit code for it.
func (c *Command) fail(err error) int {
	code, hint := exitFailures, ""
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		code, hint = exitUsage, usage.hint
	} else if path := (*tree.PathError)(nil); errors.As(err, &path) {
		code, hint = exitUsage, path.Hint
	} else if nothing := (*scan.NothingError)(nil); errors.As(err, &nothing) {
		code, hint = exitUsage, tree.PathHint
	} else if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		hint = failure.Hint
	} else if errors.Is(err, pflag.ErrHelp) {
		return exitClean
	}
	fmt.Fprintf(c.Stderr, "pullcheck: %s\n", report.Lines(err.Error()))
	if hint != "" {
		fmt.Fprintf(c.Stderr, "hint: %s\n", report.Line(hint))
	}
	return code
}

// newFlags makes a flag set that prints its usage to standard output when asked and nowhere else.
func (c *Command) newFlags(name string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.Usage = func() {
		all := subcommands()
		sub := all[slices.IndexFunc(all, func(s subcommand) bool { return s.name == name })]
		fmt.Fprintf(c.Stdout, "pullcheck %s %s: %s\n\n%s", name, sub.arguments, sub.summary, flags.FlagUsages())
	}
	return flags
}

// parseFlags parses and turns pflag's errors into usage errors.
func parseFlags(flags *pflag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return usagef(fmt.Sprintf("pullcheck %s --help", flags.Name()), "%w", err)
}

func runHelp(_ context.Context, c *Command, _ []string) (int, error) {
	fmt.Fprint(c.Stdout, "pullcheck finds the containers that Kubernetes may start from a stale image, in what Helm charts,\n"+
		"Kustomize overlays and manifests really deploy.\n\nusage:\n")
	for _, sub := range subcommands() {
		fmt.Fprintf(c.Stdout, "  pullcheck %-32s %s\n", strings.TrimSpace(sub.name+" "+sub.arguments), sub.summary)
	}
	_, err := fmt.Fprint(c.Stdout, "\nexit codes: 0 clean, 1 findings at or above --fail-on, 2 wrong usage, 3 a source could not be rendered\n"+
		"`pullcheck COMMAND --help` lists the flags of a command.\n")
	return exitClean, err
}

// isTerminal reports whether a stream is a terminal that can show colours and progress.
func (c *Command) isTerminal(stream io.Writer) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && c.getenv("TERM") != "dumb"
}

// colors reports whether a stream is written in colours. NO_COLOR turns them off if it is not empty: https://no-color.org.
func (c *Command) colors(stream io.Writer) bool {
	return c.isTerminal(stream) && c.getenv("NO_COLOR") == ""
}
