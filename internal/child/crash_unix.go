//go:build unix

package child

import (
	"os"

	"golang.org/x/sys/unix"
)

// divertCrashes makes the runtime and every library write to a file in the place of standard error. os.Stderr still is
// standard error.
func divertCrashes(name string) {
	crash, err := os.Create(name)
	if err != nil {
		return
	}
	defer crash.Close()
	stderr, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return
	}
	os.Stderr = os.NewFile(uintptr(stderr), "/dev/stderr")
	_ = unix.Dup2(int(crash.Fd()), 2)
}
