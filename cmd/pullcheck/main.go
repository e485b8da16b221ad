package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	_ "github.com/pullcheck/pullcheck/cmd/pullcheck/internal/memory"
)

// main runs the command with the arguments, streams and environment of the process. SIGINT and SIGTERM cancel it.
func main() {
	command := &Command{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ()}
	command.Dir, _ = os.Getwd() // Without a working directory, absolute paths still work.
	// The libraries of Helm and Kustomize write warnings to the log and to os.Stderr during a render. Discard them:
	// standard error is for the messages of this program, which command.Stderr still writes.
	log.SetOutput(io.Discard)
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(command.Run(ctx, os.Args[1:]))
}
