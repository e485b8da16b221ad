//go:build !unix

package child

// divertCrashes does nothing: here, what Go's runtime writes when the process dies stays on standard error.
func divertCrashes(string) {}
