package child

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"
)

// journal is the child's side of the journal. It is safe for concurrent use, apart from Limit and Forget.
type journal struct {
	limits    Limits
	condemned map[string]*Error
	alone     map[string]bool
	results   map[string][]byte // of the children before
	stdin     []byte            // that a child before has read; nil if none has
	turn      sync.RWMutex      // is locked for a unit that runs alone

	mutex sync.Mutex // of the file and the room
	file  *os.File
	room  int // how many more bytes of results are kept
}

// Open opens the journal of a child, whose path the child finds in [Variable], and returns a context with it. The context
// is unchanged if the path is empty, because the process is not a child.
func Open(ctx context.Context, name string) (context.Context, error) {
	if name == "" {
		return ctx, nil
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return ctx, err
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return ctx, err
	}
	divertCrashes(filepath.Join(filepath.Dir(name), crashName))
	j := &journal{file: file, room: maxKept, condemned: map[string]*Error{}, alone: map[string]bool{}, results: map[string][]byte{}}
	records, _ := decode(text)
	for _, r := range records {
		switch r.kind {
		case alone:
			j.alone[r.unit] = true
		case condemned:
			j.condemned[r.unit] = toError(r.payload)
		case kept:
			j.results[r.unit] = r.payload
			j.room -= len(r.payload)
		case forgot:
			clear(j.results)
		case input:
			j.stdin = r.payload
		}
	}
	return context.WithValue(ctx, contextKey{}, j), nil
}

// Finish tells the parent that the child now ends on purpose.
func Finish(ctx context.Context) {
	if j := journalOf(ctx); j != nil {
		j.write(record{kind: finished})
	}
}

// Limit sets the limits of the units that begin later. It limits the memory of the whole process from now on. Without
// a journal it does nothing.
func Limit(ctx context.Context, limits Limits) {
	j := journalOf(ctx)
	if j == nil {
		return
	}
	j.limits = limits
	if limits.Memory > 0 {
		j.write(record{limited, "", number(limits.Memory)})
		limitMemory(limits.Memory, func() { j.write(record{kind: exceeded}) })
	}
}

// Forget drops the results of [Keep], for this child and for later ones, because what they were made from has changed.
// No unit may run.
func Forget(ctx context.Context) {
	if j := journalOf(ctx); j != nil {
		clear(j.results)
		j.write(record{kind: forgot})
	}
}

// Do runs a unit of work and returns its result. The name of the unit must be the same in every child, and no other
// unit may have it. Work that a unit starts with its context belongs to the unit.
//
// The error is an *[Error] if the unit takes longer than the limit, or if it was the end of an earlier child. It is
// [ErrInterrupted] if the context is canceled: Do then returns at once, and the work goes on without effect, so it must
// write nothing that the caller reads.
func Do[T any](ctx context.Context, unit string, work func(context.Context) T) (T, error) {
	var none T
	if ctx.Value(unitKey{}) != nil {
		return work(ctx), nil
	}
	if ctx.Err() != nil {
		return none, ErrInterrupted
	}
	j := journalOf(ctx)
	if j == nil {
		return run(ctx, 0, work)
	}
	if err := j.condemned[unit]; err != nil {
		return none, err
	}
	defer j.wait(unit)()
	j.write(record{began, unit, number(uint64(j.limits.Timeout))})
	defer j.write(record{kind: ended, unit: unit})
	return run(context.WithValue(ctx, unitKey{}, unit), j.limits.Timeout, work)
}

// worthKeeping is the shortest time of a unit whose result is kept. The results of shorter units are cheaper to make
// again than to keep.
const worthKeeping = time.Millisecond

// maxKept is the size of all results of a journal together, in bytes. The parent and each child read them all, outside of
// any unit. Those of a thousand charts take some 20 MB.
const maxKept = 64 << 20

// Keep is Do for a unit whose result is kept, if it took some time: if a later child calls Keep for the unit, it gets
// the result of this one. Package gob must be able to encode the result. A result that cannot be encoded, or for which
// there is no more room in the journal, is not kept.
func Keep[T any](ctx context.Context, unit string, work func(context.Context) T) (T, error) {
	j := journalOf(ctx)
	if j == nil || ctx.Value(unitKey{}) != nil {
		return Do(ctx, unit, work)
	}
	if data, ok := j.results[unit]; ok && j.condemned[unit] == nil {
		var result T
		if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&result); err == nil {
			return result, nil
		}
	}
	var data bytes.Buffer
	result, err := Do(ctx, unit, func(ctx context.Context) T {
		start := time.Now()
		result := work(ctx)
		// What the encoding takes is the unit's: a result may refer to the same text a thousand times.
		if time.Since(start) >= worthKeeping && gob.NewEncoder(&data).Encode(&result) != nil {
			data.Reset()
		}
		return result
	})
	if err == nil && data.Len() > 0 {
		j.keep(unit, data.Bytes())
	}
	return result, err
}

// keep writes the result of a unit, if there is room for it.
func (j *journal) keep(unit string, result []byte) {
	j.mutex.Lock()
	j.room -= len(result)
	isRoom := j.room >= 0
	if !isRoom {
		j.room += len(result)
	}
	j.mutex.Unlock()
	if isRoom {
		j.write(record{kept, unit, result})
	}
}

// run runs work with a time limit, if limit is not 0, until the context is canceled. A panic of the work is a panic of
// run.
func run[T any](ctx context.Context, limit time.Duration, work func(context.Context) T) (T, error) {
	limited, cancel := ctx, context.CancelFunc(func() {})
	if limit > 0 {
		limited, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	type end struct {
		result   T
		panicked any
	}
	done := make(chan end, 1)
	go func() {
		var e end
		defer func() {
			if e.panicked = recover(); e.panicked != nil {
				e.panicked = fmt.Sprintf("%v\n%s", e.panicked, debug.Stack())
			}
			done <- e
		}()
		e.result = work(limited)
	}()
	var none T
	select {
	case e := <-done:
		if e.panicked != nil {
			panic(e.panicked)
		}
		if ctx.Err() == nil && limited.Err() != nil {
			return none, tookTooLong(limit)
		}
		return e.result, nil
	case <-ctx.Done():
		return none, ErrInterrupted
	}
}

// wait waits until the unit may run: a unit that is to be run alone, until no other unit runs. It returns the function
// that ends the turn.
func (j *journal) wait(unit string) (end func()) {
	if !j.alone[unit] {
		j.turn.RLock()
		return j.turn.RUnlock
	}
	j.turn.Lock()
	debug.FreeOSMemory() // The memory of the other units must not count.
	return j.turn.Unlock
}

// write appends a record. A journal that cannot be written, because the disk is full, only costs what it is for.
func (j *journal) write(r record) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	_, _ = j.file.Write(r.encode())
}

// Stdin returns standard input. What a child reads there, a later child reads again.
func Stdin(ctx context.Context, stdin io.Reader) io.Reader {
	j := journalOf(ctx)
	switch {
	case j == nil:
		return stdin
	case j.stdin != nil:
		return bytes.NewReader(j.stdin)
	}
	return &remembered{journal: j, Reader: stdin}
}

// remembered is a reader that writes everything to the journal when it has read the end.
type remembered struct {
	io.Reader
	journal *journal
	read    bytes.Buffer
}

// Read implements io.Reader.
func (r *remembered) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.read.Write(p[:n])
	if err == io.EOF {
		r.journal.write(record{kind: input, payload: r.read.Bytes()})
	}
	return n, err
}
