//go:build !unix

package child

// crashName is the name of a file that is never written.
const crashName = "crash"

// divertCrashes does nothing: here, what Go's runtime writes when the process dies stays on standard error.
func divertCrashes(string) {}
