package report

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Progress shows the number of rendered sources in one line of a terminal. The line appears after a second, so that a
// quick run shows none, and changes once a second.
type Progress struct {
	w           io.Writer
	done, total atomic.Int64
	quit, ended chan struct{}
}

// NewProgress returns a progress line on a terminal. The caller must call Stop once.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w, quit: make(chan struct{}), ended: make(chan struct{})}
	go p.run()
	return p
}

// Rendered sets the number of rendered sources and the number of all sources. It is safe for concurrent use.
func (p *Progress) Rendered(done, total int) {
	p.done.Store(int64(done))
	p.total.Store(int64(total))
}

// Stop removes the line. After it returns, nothing more is written to the terminal.
func (p *Progress) Stop() {
	close(p.quit)
	<-p.ended
}

// run writes the line until Stop is called.
func (p *Progress) run() {
	defer close(p.ended)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	shown := false
	for {
		select {
		case <-ticker.C:
			fmt.Fprintf(p.w, "\r%d of %d sources rendered", p.done.Load(), p.total.Load())
			shown = true
		case <-p.quit:
			if shown {
				fmt.Fprint(p.w, "\r\x1b[K")
			}
			return
		}
	}
}
