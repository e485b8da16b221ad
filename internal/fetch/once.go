package fetch

import (
	"context"
	"sync"
)

// Once fetches the value of each key a single time and keeps it, failures included. Unlike singleflight, it lets a
// canceled context end only its own caller's wait or fetch: another caller then begins the fetch anew. The zero
// value is ready to use, by several goroutines at once.
type Once[T any] struct {
	slots sync.Map // key → *onceSlot[T]
}

type onceSlot[T any] struct {
	busy  chan struct{} // holds an element while a caller fetches
	done  bool
	value T
	err   error
}

// Get returns what the first fetch for the key returned whose context was not canceled meanwhile.
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
