package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// subcommand is one subcommand, such as check, with the texts for help.
type subcommand struct {
	name, arguments, summary string
	renders                  bool // It renders sources, so it runs in a child process.
	// run adds its flags to the set, and parses the arguments. It returns the exit code, or an error, from which Command.fail makes message and exit code.
	run func(ctx context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error)
}

// subcommands returns all subcommands. It is a function and no variable, because help is in the table and reads the
// table.
func subcommands() []subcommand {
	return []subcommand{
		{"check", "[flags] [PATH...]", "render, check and report", true, runCheck},
		{"render", "[flags] PATH", "print the manifests as helm template and kustomize build do", true, runRender},
		{"review", "[flags]", "check what a pull request changed and review it on GitHub", true, runReview},
		{"hook", "[flags]", "check standard input and print it: a post-renderer of Helm, a KRM function", true, runHook},
		{"generate", "", "print the manifests of an Application, as a config management plugin of Argo CD", true, runGenerate},
		{"why", "[flags] KIND/NAME FIELD PATH", "say where a field of a rendered object was decided", true, runWhy},
		{"explain", "[RULE]", "print the documentation of a rule, or list the rules", false, runExplain},
		{"version", "", "print the version", false, runVersion},
		{"help", "", "print this text", false, runHelp},
	}
}

// shutdownGrace is how long an interrupted run may print what is finished, before the program ends.
const shutdownGrace = 3 * time.Second

// Run runs the subcommand that the arguments name, and returns the exit code. A panic becomes an error that asks for a
// report.
//
// If the context is canceled, Run returns within shutdownGrace, even if the subcommand still runs: the render of a
// chart cannot be interrupted. Such a subcommand can then write only to the cache, where a file appears when it is
// complete; a later run deletes incomplete files.
func (c *Command) Run(ctx context.Context, args []string) int {
	c = c.safe()
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
		return exitInterrupted
	}
}

// dispatch runs the subcommand that the first argument names. The flags --help and --version work as in other programs.
func (c *Command) dispatch(ctx context.Context, args []string) (int, error) {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "-h", "--help":
		name = "help"
	case "--version":
		name, args = "version", args[:1]
	}
	var names []string
	for _, sub := range subcommands() {
		if sub.name == name {
			return sub.run(ctx, c, c.newFlags(sub), args[1:])
		}
		names = append(names, sub.name)
	}
	expected := strings.Join(names, ", ")
	if len(args) == 0 {
		return 0, usagef("pullcheck help", "no command, expected one of %s", expected)
	}
	return 0, usagef("pullcheck help", "unknown command %q, expected one of %s", name, expected)
}

// newFlags returns a flag set for a subcommand. It prints its usage on standard output if the user asks with --help,
// and prints nothing on errors, because fail does.
func (c *Command) newFlags(sub subcommand) *pflag.FlagSet {
	flags := pflag.NewFlagSet(sub.name, pflag.ContinueOnError)
	flags.SortFlags = false
	flags.SetOutput(io.Discard) // else pflag prints errors, too
	flags.Usage = func() {
		fmt.Fprintf(c.Stdout, "pullcheck %s %s: %s\n\n%s", sub.name, sub.arguments, sub.summary, flags.FlagUsages())
	}
	return flags
}

// runHelp is `pullcheck help`: it lists the subcommands and the exit codes.
func runHelp(_ context.Context, c *Command, _ *pflag.FlagSet, _ []string) (int, error) {
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
