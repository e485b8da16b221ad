package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"

	_ "github.com/pullcheck/pullcheck/cmd/pullcheck/internal/memory"
	"github.com/pullcheck/pullcheck/internal/child"
)

// main runs the command with the arguments, streams and environment of the process. SIGINT and SIGTERM cancel it. A
// command that renders runs in a child process: see package child.
func main() {
	journal := os.Getenv(child.Variable)
	if renders(os.Args[1:]) && journal == "" {
		os.Exit(supervise())
	}
	os.Unsetenv(child.Variable) // It is for no program that this one runs.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, err := child.Open(ctx, journal)
	command := &Command{Stdin: child.Stdin(ctx, os.Stdin), Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ()}
	command.Dir, _ = os.Getwd() // Without a working directory, absolute paths still work.
	// The libraries of Helm and Kustomize write warnings to the log and to os.Stderr during a render. Discard them:
	// standard error is for the messages of this program, which command.Stderr still writes.
	log.SetOutput(io.Discard)
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	if err != nil {
		os.Exit(command.fail(err))
	}
	code := command.Run(ctx, os.Args[1:])
	child.Finish(ctx)
	os.Exit(code)
}

// renders reports whether the arguments name a command that renders sources.
func renders(args []string) bool {
	return len(args) > 0 && slices.ContainsFunc(subcommands(), func(s subcommand) bool { return s.renders && s.name == args[0] })
}

// supervise runs the process again as a child, and returns the exit code.
func supervise() int {
	code, err := child.Supervise(os.Environ())
	if errors.Is(err, child.ErrInterrupted) {
		fmt.Fprintln(os.Stderr, "pullcheck: interrupted")
		return exitInterrupted
	}
	if err != nil {
		return (&Command{Stderr: os.Stderr}).fail(err)
	}
	return code
}
