package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// version is set when a release is built: -ldflags "-X main.version=v1.2.3".
var version string

func runVersion(_ context.Context, c *Command, args []string) (int, error) {
	flags := c.newFlags("version")
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() > 0 {
		return 0, usagef("pullcheck version", "version takes no arguments")
	}
	_, err := fmt.Fprintln(c.Stdout, "pullcheck", programVersion())
	return exitClean, err
}

// programVersion is the version that was set, or else the one that the module was built in.
func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); version == "" && ok {
		return info.Main.Version
	}
	return version
}
