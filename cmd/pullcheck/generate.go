package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/cmp"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render/helm/chartrepo"
)

// runGenerate is `pullcheck generate`, the config management plugin of Argo CD. Argo CD runs it in the directory of an
// Application's source, and deploys what it prints. With findings it prints nothing, so that the sync fails.
func runGenerate(ctx context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error) {
	var announce, printPlugin bool
	var sidecar string
	var limits limitFlags
	var demanded policyFlags
	flags.StringVar(&demanded.mode, "mode", "",
		"what findings do, whatever the Application's parameter mode says: enforce, warn or mutate")
	flags.StringVar(&demanded.failOn, "fail-on", "",
		"the least `severity` that counts, whatever the Application's parameter failOn says: error, warning, note or never")
	var allowHosts []string
	flags.BoolVar(&announce, "parameters", false,
		"print the parameters that the plugin takes for the working directory, as Argo CD asks for them")
	flags.BoolVar(&printPlugin, "print-plugin", false, "print the plugin.yaml for the sidecar")
	flags.StringVar(&sidecar, "print-sidecar", "",
		"print what adds the sidecar to Argo CD's repo-server, in a `form`: kustomize or helm")
	limits.register(flags)
	registerAllowHost(flags, &allowHosts)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if err := limits.apply(ctx); err != nil {
		return 0, err
	}
	network, err := c.network(allowHosts)
	if err != nil {
		return 0, err
	}
	if flags.NArg() > 0 {
		return 0, usagef("pullcheck render "+flags.Arg(0),
			"generate reads Argo CD's environment and takes no argument, found %q", flags.Arg(0))
	}
	if err := demanded.apply(flags, &cmp.Generation{}); err != nil {
		return 0, err
	}
	switch {
	case printPlugin:
		return exitClean, cmp.WritePlugin(c.Stdout)
	case flags.Changed("print-sidecar"): // also with an empty form, which is an error
		if err := cmp.WriteSidecar(c.Stdout, sidecar); err != nil {
			return 0, usagef("pullcheck generate --print-sidecar kustomize", "--print-sidecar %w", err)
		}
		return exitClean, nil
	}
	g, err := cmp.Open(c.Dir, scan.Config{
		Credentials: chartrepo.FindConfigFiles(c.getenv),
		CacheDir:    temporaryCacheDir(), // The user of a sidecar may have no home that can be written.
		Env:         c.Env,
		Network:     network,
	})
	if wrong := (*cmp.ParameterError)(nil); errors.As(err, &wrong) {
		const hint = "mend spec.source.plugin.parameters of the Application; " +
			"pullcheck generate --parameters lists those for this path"
		return 0, usagef(hint, "%w", err)
	}
	if err != nil {
		return 0, err
	}
	if announce {
		announced, err := g.Announce(ctx)
		if err != nil {
			return 0, err
		}
		return exitClean, json.NewEncoder(exact(c.Stdout)).Encode(announced)
	}
	if err := demanded.apply(flags, g); err != nil {
		return 0, err
	}
	return printGenerated(ctx, c, g)
}

// policyFlags are the flags with which the operator of Argo CD fixes in plugin.yaml what the plugin does with findings.
// They win over the parameters, which the author of an Application writes.
type policyFlags struct{ mode, failOn string }

// apply sets what the flags demand of a generation. The error is for a flag with a wrong value.
func (p policyFlags) apply(flags *pflag.FlagSet, g *cmp.Generation) (err error) {
	const help = "pullcheck generate --help"
	if flags.Changed("mode") {
		if g.Mode, err = cmp.ParseMode(p.mode); err != nil {
			return usagef(help, "--mode %w", err)
		}
	}
	if flags.Changed("fail-on") {
		if g.FailOn, err = check.ParseSeverity(p.failOn); err != nil {
			return usagef(help, "--fail-on %w", err)
		}
	}
	return nil
}

// printGenerated prints all manifests, or none if a finding or a failure stops the sync. Argo CD shows standard error
// to the user, so the report there is short. If the source renders no manifests, the output is a comment that says
// why.
func printGenerated(ctx context.Context, c *Command, g *cmp.Generation) (int, error) {
	output, err := g.Run(ctx)
	if err != nil {
		return 0, err
	}
	if len(bytes.TrimSpace(output.Text)) == 0 {
		because := ""
		if output.Skip != nil {
			because = ": " + printable.Line(output.Skip.Reason)
		}
		fmt.Fprintf(c.Stdout, "# pullcheck: %s renders no manifests%s\n", printable.Line(output.Path), because)
		return exitClean, nil
	}
	for _, f := range output.Corrected {
		for _, a := range f.Affected {
			fmt.Fprintf(c.Stderr, "corrected: %s [%s]\n", printable.Line(a.Kind+"/"+a.Name+": "+a.Container), f.Rule)
		}
	}
	if err := report.Summary(c.Stderr, output.Report); err != nil {
		return 0, err
	}
	if code := exitCode(output.Report, g.FailOn); code == exitFailures || code != exitClean && g.Mode != cmp.Warn {
		fmt.Fprintf(c.Stderr, "pullcheck: this stops the sync: mode is %s, failOn %s\n", g.Mode, g.FailOn)
		return code, nil
	}
	_, err = exact(c.Stdout).Write(output.Text)
	return exitClean, err
}
