package git

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// objects reads objects of a repository through one process of `git cat-file --batch`. It may be used concurrently.
type objects struct {
	ctx     context.Context
	mu      sync.Mutex
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	err     error // why no more objects can be read
}

// openObjects starts git. The caller must close the objects.
func (r *Repository) openObjects(ctx context.Context) (*objects, error) {
	command := r.command(ctx, "cat-file", "--batch")
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &objects{ctx: ctx, command: command, stdin: stdin, stdout: bufio.NewReader(stdout)}, nil
}

// read returns the content of an object. The error is ErrMissing if the clone lacks the object. After any other
// failure, each later call returns the same error: nobody knows to which question the next answer of git belongs.
func (o *objects) read(id string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := cmp.Or(o.err, o.ctx.Err()); err != nil {
		return nil, err
	}
	data, found, err := o.ask(id)
	if err == nil && !found {
		return nil, fmt.Errorf("object %s: %w", id, ErrMissing)
	}
	if err != nil {
		o.err = fmt.Errorf("git cat-file: %w", cmp.Or(o.ctx.Err(), err))
	}
	return data, o.err
}

// ask asks for one object. Git answers ID TYPE SIZE, a line feed, the content and a line feed; or ID missing, a line
// feed.
func (o *objects) ask(id string) (data []byte, found bool, err error) {
	if _, err := io.WriteString(o.stdin, id+"\n"); err != nil {
		return nil, false, err
	}
	header, err := o.stdout.ReadString('\n')
	if err != nil {
		return nil, false, err
	}
	fields := strings.Fields(header)
	if len(fields) == 2 && fields[1] == "missing" {
		return nil, false, nil
	}
	if len(fields) != 3 {
		return nil, false, fmt.Errorf("it answered %q", header)
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil || size < 0 {
		return nil, false, fmt.Errorf("it answered %q", header)
	}
	data = make([]byte, size+1)
	if _, err := io.ReadFull(o.stdout, data); err != nil {
		return nil, false, err
	}
	if data[size] != '\n' {
		return nil, false, fmt.Errorf("it answered %q, and more than that", header)
	}
	return data[:size:size], true, nil
}

// close ends git. If the context has ended, git was already told to end.
func (o *objects) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == fs.ErrClosed {
		return nil
	}
	o.err = fs.ErrClosed
	o.stdin.Close()
	if err := o.command.Wait(); err != nil && o.ctx.Err() == nil {
		return err
	}
	return nil
}
