package main

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"
)

// stalled is a standard input on which nothing ever arrives.
type stalled struct{ asked chan struct{} }

func (s stalled) Read([]byte) (int, error) {
	close(s.asked)
	select {}
}

func TestRunReturnsAtOnceWhenInterrupted(t *testing.T) {
	var stderr bytes.Buffer
	input := stalled{make(chan struct{})}
	command := &Command{Stdin: input, Stdout: io.Discard, Stderr: &stderr}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-input.asked
		cancel()
	}()
	code := make(chan int)
	go func() { code <- command.Run(ctx, []string{"check", "-"}) }()
	select {
	case got := <-code:
		if got != exitInterrupted || stderr.String() != "pullcheck: interrupted\n" {
			t.Errorf("the exit code is %d, standard error %q", got, stderr.String())
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
}
