package fetch

import (
	"context"
	"sync"
)

// Once fetches the value of each key one time and keeps it. It also keeps an error, so that nobody asks a dead server
// twice. Callers with the same key wait for the first caller. If the context of the first caller is canceled, nothing
// is kept, and the next caller fetches: with singleflight, all callers would get the error. The zero value is ready to
// use. It is safe for concurrent use.
type Once[T any] struct {
	slots sync.Map // key → *onceSlot[T]
}

// onceSlot is the value of a key. Whoever has put an element into busy may read and write the other fields.
type onceSlot[T any] struct {
	busy  chan struct{} // holds an element while a caller fetches
	done  bool
	value T
	err   error
}

// Get returns the value and the error of the fetch for a key. It calls fetch if no earlier fetch for the key has ended
// without being canceled. If ctx ends while another caller fetches, Get returns the error of ctx.
func (o *Once[T]) Get(ctx context.Context, key string, fetch func() (T, error)) (T, error) {
	stored, _ := o.slots.LoadOrStore(key, &onceSlot[T]{busy: make(chan struct{}, 1)})
	slot := stored.(*onceSlot[T])
	select {
	case slot.busy <- struct{}{}:
		defer func() { <-slot.busy }()
	case <-ctx.Done():
		return slot.value, ctx.Err()
	}
	if slot.done {
		return slot.value, slot.err
	}
	value, err := fetch()
	if ctx.Err() == nil {
		slot.done, slot.value, slot.err = true, value, err
	}
	return value, err
}
