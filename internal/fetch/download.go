package fetch

import (
	"context"
	"sync/atomic"
)

// Download returns what get returns, if the rules of the network permit the item. All charts, repositories and files
// come through here, also from a cache. The item names one of them, together with its version, so that equal items have
// equal content. Download notes in the context that downloaded content is used: see Watch.
func Download[T any](ctx context.Context, n Network, item string, get func() (T, error)) (T, error) {
	if n.Permit != nil {
		if err := n.Permit(ctx, item); err != nil {
			var none T
			return none, err
		}
	}
	value, err := get()
	if err == nil {
		NoteDownload(ctx)
	}
	return value, err
}

// Watched says whether a piece of work has used downloaded content. It is safe for concurrent use.
type Watched struct {
	used   atomic.Bool
	around *Watched
}

// Used reports whether downloaded content was used, so that what the work has made may quote the content.
func (w *Watched) Used() bool { return w.used.Load() }

// watchKey is the key of a *Watched in a context.
type watchKey struct{}

// Watch returns a context for a piece of work, and what tells afterwards whether the work has used downloaded content.
func Watch(ctx context.Context) (context.Context, *Watched) {
	around, _ := ctx.Value(watchKey{}).(*Watched)
	w := &Watched{around: around}
	return context.WithValue(ctx, watchKey{}, w), w
}

// NoteDownload notes for all who watch the context that downloaded content is used.
func NoteDownload(ctx context.Context) {
	w, _ := ctx.Value(watchKey{}).(*Watched)
	for ; w != nil; w = w.around {
		w.used.Store(true)
	}
}
