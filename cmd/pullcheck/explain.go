package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/pullcheck/pullcheck/check"
)

// runExplain prints the documentation of a rule.
func runExplain(_ context.Context, c *Command, args []string) (int, error) {
	if len(args) > 1 {
		return exitUsage, usagef("pullcheck explain pull-policy-not-always", "explain takes one rule")
	}
	var ids []string
	for _, rule := range check.Rules {
		if len(args) == 1 && rule.ID == args[0] {
			_, err := fmt.Fprintln(c.Stdout, strings.TrimSpace(rule.Doc))
			return exitClean, err
		}
		ids = append(ids, rule.ID)
	}
	if len(args) == 1 {
		return exitUsage, usagef("pullcheck explain", "unknown rule %q, expected one of %s", args[0], strings.Join(ids, ", "))
	}
	for _, rule := range check.Rules {
		if _, err := fmt.Fprintf(c.Stdout, "%-24s %s\n", rule.ID, rule.Severity); err != nil {
			return exitFailures, err
		}
	}
	return exitClean, nil
}
