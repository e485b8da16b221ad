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

func main() {
	// Helm's and Kustomize's libraries write warnings to the log and to os.Stderr in the middle of a render;
	// standard error is for the program's own words.
	command := &Command{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ()}
	if dir, err := os.Getwd(); err == nil {
		command.Dir = dir
	}
	log.SetOutput(io.Discard)
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(command.Run(ctx, os.Args[1:]))
}
