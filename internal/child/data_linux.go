//go:build linux && !race

package child

import "syscall"

// slack is memory beyond the limit, in bytes, for what Go's heap does not count: stacks of threads and Go's own tables.
const slack = 256 << 20

// limitData limits the private memory of the process and of the programs that it starts. Linux refuses more, and Go's
// runtime then ends the process with a message.
func limitData(limit uint64) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_DATA, &now); err != nil {
		return
	}
	now.Cur = min(now.Cur, now.Max, limit+slack)
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &now) // The watch of the memory is there, too.
}
