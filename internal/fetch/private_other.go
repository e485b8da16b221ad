//go:build !unix

package fetch

import "io/fs"

// isForeign returns false: the directories of this operating system have no owner in the sense of Unix, and the
// directory for caches is closed to other users.
func isForeign(fs.FileInfo) bool { return false }

// closeToOthers does nothing, for the same reason.
func closeToOthers(string) error { return nil }
