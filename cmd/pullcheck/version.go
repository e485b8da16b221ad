package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/pflag"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version string

// runVersion is `pullcheck version`.
func runVersion(_ context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error) {
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() > 0 {
		return 0, usagef("pullcheck version", "version takes no arguments")
	}
	_, err := fmt.Fprintln(c.Stdout, "pullcheck", programVersion())
	return exitClean, err
}

// programVersion returns the version that was set at the build, or else the version of the module, which `go install`
// knows.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok {
		return info.Main.Version
	}
	return version
}
