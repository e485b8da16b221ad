//go:build unix

package fetch

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// isForeign reports whether a file belongs to a user other than the user of this process and root.
func isForeign(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
}

// closeToOthers takes away the permissions of other users. A directory of root stays as it is, but other users must not
// write in it.
func closeToOthers(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return err
	case info.Mode().Perm()&0o077 == 0:
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil && info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("other users can write in %s: %w", dir, err)
	}
	return nil
}
