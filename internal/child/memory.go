package child

import (
	"os"
	"runtime/metrics"
	"time"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// maxDefaultMemory is the largest default limit, in bytes. The largest public repositories need a tenth of it.
const maxDefaultMemory = 4 << 30

// DefaultMemory returns the limit of memory for a process without a limit of its own, in bytes: three quarters of the
// memory of its cgroup or machine, and 4 GiB at most.
func DefaultMemory() uint64 {
	total := uint64(maxDefaultMemory)
	for _, of := range []memlimit.Provider{memlimit.FromCgroup, memlimit.FromSystem} {
		if limit, err := of(); err == nil && limit > 0 {
			total = min(total, limit/4*3)
		}
	}
	return total
}

// exitMemory is the exit code of a child that ends because it needs too much memory. Nobody but the parent sees it.
const exitMemory = 70

// watchInterval is how often a child looks at its memory. In this time, a goroutine can write some 50 MB.
const watchInterval = 10 * time.Millisecond

// limitMemory ends the process soon after it uses more than limit bytes, and calls exceeded before. Where the system
// can, it also makes a single allocation beyond the limit fail.
func limitMemory(limit uint64, exceeded func()) {
	limitData(limit)
	go func() {
		used := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		for range time.Tick(watchInterval) {
			if metrics.Read(used); used[0].Value.Uint64()-used[1].Value.Uint64() > limit {
				exceeded()
				os.Exit(exitMemory)
			}
		}
	}()
}
