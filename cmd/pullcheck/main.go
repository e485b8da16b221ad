package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

func main() {
	// Helm's and Kustomize's libraries write warnings to the log and to os.Stderr in the middle of a render;
	// standard error is for the program's own words.
	command := &Command{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	log.SetOutput(io.Discard)
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	if os.Getenv("GOGC") == "" {
		// Most of what rendering allocates is garbage at once. On a large chart fewer collections save a tenth of
		// the time; the limit keeps a tree of hundreds of charts below 300 MiB.
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(220 << 20)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(command.Run(ctx, os.Args[1:]))
}
