package report

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// Progress counts rendered sources in one line of a terminal, from the first second on.
type Progress struct {
	w           io.Writer
	done, total atomic.Int64
	quit, ended chan struct{}
}

// NewProgress returns a progress line on a terminal. Stop takes the line away.
func NewProgress(w io.Writer) *Progress {
	p := &Progress{w: w, quit: make(chan struct{}), ended: make(chan struct{})}
	go p.run()
	return p
}

// Rendered sets the number of rendered sources and the number of all. It is safe for concurrent use.
func (p *Progress) Rendered(done, total int) {
	p.done.Store(int64(done))
	p.total.Store(int64(total))
}

// Stop takes the line away. Nothing is written after it returns.
func (p *Progress) Stop() {
	close(p.quit)
	<-p.ended
}

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
