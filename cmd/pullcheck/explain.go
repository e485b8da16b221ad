package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/pullcheck/pullcheck/check"
)

// runExplain is `pullcheck explain`: it prints the documentation of a rule in Markdown, or lists the rules.
func runExplain(_ context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error) {
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if args = flags.Args(); len(args) > 1 {
		return 0, usagef("pullcheck explain pull-policy-not-always", "explain takes one rule")
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
		return 0, usagef("pullcheck explain", "unknown rule %q, expected one of %s", args[0], strings.Join(ids, ", "))
	}
	for _, rule := range check.Rules {
		if _, err := fmt.Fprintf(c.Stdout, "%-24s %s\n", rule.ID, rule.Severity); err != nil {
			return 0, err
		}
	}
	return exitClean, nil
}
