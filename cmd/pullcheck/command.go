package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// The exit codes. They are part of the program's interface, and README.md documents them.
const (
	exitClean    = 0
	exitFindings = 1 // findings at or above --fail-on
	exitUsage    = 2 // wrong usage or configuration
	exitFailures = 3 // a source could not be rendered or read
	// exitInterrupted is for a run that a signal has ended. The report is not complete.
	exitInterrupted = 130
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
	fmt.Fprintf(c.Stderr, "pullcheck: %s\n", printable.Lines(err.Error()))
	if hint != "" {
		fmt.Fprintf(c.Stderr, "hint: %s\n", printable.Line(hint))
	}
	return code
}

// parseFlags parses the arguments. The error is a usageError, or pflag.ErrHelp after the usage was printed.
func parseFlags(flags *pflag.FlagSet, args []string) error {
	err := flags.Parse(args)
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return usagef(fmt.Sprintf("pullcheck %s --help", flags.Name()), "%w", err)
}

// safe returns the command with streams for people: what it writes there is escaped, because all text may hold something
// of a repository. Output for programs goes to the stream behind, see exact.
func (c *Command) safe() *Command {
	text := *c
	text.Stdout, text.Stderr = &printable.Writer{To: c.Stdout}, &printable.Writer{To: c.Stderr}
	return &text
}

// exact returns the stream behind a stream for people, for output whose every byte counts: manifests, diffs, JSON and
// workflow commands.
func exact(stream io.Writer) io.Writer {
	if text, ok := stream.(*printable.Writer); ok {
		return text.To
	}
	return stream
}

// styled returns a stream for people on which a report may have colours.
func styled(stream io.Writer, color bool) io.Writer {
	return &printable.Writer{To: exact(stream), Styled: color}
}

// isTerminal reports whether a stream is a terminal that can show colours and progress.
func (c *Command) isTerminal(stream io.Writer) bool {
	file, ok := exact(stream).(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && c.getenv("TERM") != "dumb"
}

// colors reports whether text on a stream gets colours. A value of NO_COLOR turns them off (https://no-color.org).
func (c *Command) colors(stream io.Writer) bool {
	return c.isTerminal(stream) && c.getenv("NO_COLOR") == ""
}
