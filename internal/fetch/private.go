package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// OpenCache checks the directory of a cache before it is read or written, and makes it unless the run is offline. What
// is in a cache is trusted, so no other user may write there: the directory gets the mode 0700. The error says if
// another user owns the directory or the directory above it; such a user could have put anything there, as in a shared
// directory for temporary files. An administrator (root) may own them. A missing directory is no error offline.
func OpenCache(dir string, offline bool) error {
	if !offline {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, name := range []string{filepath.Dir(dir), dir} {
		// Both a symbolic link and its target must be the user's own.
		for _, stat := range []func(string) (fs.FileInfo, error){os.Lstat, os.Stat} {
			info, err := stat(name)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if isForeign(info) {
				return fmt.Errorf("%s belongs to another user, who could change what is in it", name)
			}
		}
	}
	return closeToOthers(dir)
}
