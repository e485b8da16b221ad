//go:build !linux || race

package child

// limitData does nothing. Only Linux limits the memory of a process in a way that Go's runtime can live with, and the
// race detector needs a great deal of memory that it does not use.
func limitData(uint64) {}
