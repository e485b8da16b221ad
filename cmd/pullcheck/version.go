package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version string

func runVersion(_ context.Context, c *Command, args []string) (int, error) {
	if len(args) > 0 {
		return exitUsage, usagef("pullcheck version", "version takes no arguments")
	}
	v := version
	if info, ok := debug.ReadBuildInfo(); v == "" && ok {
		v = info.Main.Version
	}
	_, err := fmt.Fprintln(c.Stdout, "pullcheck", v)
	return exitClean, err
}
