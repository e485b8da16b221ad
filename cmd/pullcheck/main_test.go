package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pullcheck": main, "helm": typedHelm, "kustomize": typedKustomize})
}

// TestScripts runs the scripts in testdata/script, in which users type commands, against the real main, and compares
// the output.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "../../testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // The race detector would keep each process for a second.
			return nil
		},
	})
}
