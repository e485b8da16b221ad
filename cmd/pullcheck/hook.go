package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/pflag"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/krm"
	"github.com/pullcheck/pullcheck/internal/printable"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// hook is the configuration of `pullcheck hook`, which checks manifests in a pipe.
type hook struct {
	failOn check.Severity
	// mutate sets pull policies to Always in the output, where a proof shows that nothing else changes.
	mutate            bool
	quiet, allowEmpty bool
	limitFlags
}

// helmPlugin is the manifest of a plugin of Helm 4 (MetadataV1 in internal/plugin/metadata_v1.go of helm.sh/helm/v4),
// a format for the version. Helm adds the values of --post-renderer-args to the arguments.
//
//go:embed helmplugin.yaml
var helmPlugin string

// register declares the flags. It returns the values of two flags that are no options of a hook.
func (h *hook) register(flags *pflag.FlagSet) (failOn *string, printPlugin *bool) {
	flags.BoolVar(&h.mutate, "mutate", false, "correct pull policies to Always in the output")
	failOn = flags.String("fail-on", "warning",
		"least `severity` at which nothing is printed and the exit code is 1: error, warning, note or never")
	flags.BoolVar(&h.allowEmpty, "allow-empty", false,
		"take empty input for what rendered to nothing, and not for a command that failed")
	flags.BoolVarP(&h.quiet, "quiet", "q", false, "report findings and failures only")
	printPlugin = flags.Bool("print-helm-plugin", false,
		"print the plugin.yaml that makes this a post-renderer of Helm 4")
	h.limitFlags.register(flags)
	return failOn, printPlugin
}

// runHook is `pullcheck hook`: it checks the manifests on standard input and prints them on standard output. It prints
// all of them, or nothing if there are findings at or above --fail-on, so that the program behind the pipe deploys
// nothing.
func runHook(ctx context.Context, c *Command, flags *pflag.FlagSet, args []string) (int, error) {
	var h hook
	failOn, printPlugin := h.register(flags)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	var err error
	if h.failOn, err = check.ParseSeverity(*failOn); err != nil {
		return 0, usagef("pullcheck hook --help", "--fail-on %w", err)
	}
	if flags.NArg() > 0 {
		return 0, usagef("pullcheck hook < "+flags.Arg(0),
			"hook reads standard input and takes no arguments, this is %q", flags.Arg(0))
	}
	if *printPlugin {
		_, err := fmt.Fprintf(c.Stdout, helmPlugin, pluginVersion())
		return exitClean, err
	}
	if err := h.limitFlags.apply(ctx); err != nil {
		return 0, err
	}
	input, err := io.ReadAll(c.Stdin)
	if err != nil {
		return 0, fmt.Errorf("standard input: %w", err)
	}
	if len(bytes.TrimSpace(input)) == 0 && !h.allowEmpty {
		return 0, &yamldoc.Error{Err: errors.New("standard input is empty"),
			Hint: "see why the command before the pipe printed nothing; a chart that renders nothing needs --allow-empty"}
	}
	output, code, err := h.run(ctx, c, input)
	if err != nil {
		return 0, err
	}
	_, err = exact(c.Stdout).Write(output)
	return code, err
}

// pluginVersion returns the version of the program for Helm, which accepts only a semantic version without a v. A
// program that was built without a version is 0.0.0.
func pluginVersion() string {
	if v, err := semver.StrictNewVersion(strings.TrimPrefix(programVersion(), "v")); err == nil {
		return v.String()
	}
	return "0.0.0"
}

// run returns the output for an input, and the exit code. The input is manifests, or a KRM ResourceList, which also
// holds the configuration of the function and gets the results. The output is empty if nothing may be deployed.
func (h hook) run(ctx context.Context, c *Command, input []byte) (output []byte, code int, err error) {
	list, err := krm.Read(input)
	if err != nil {
		return nil, 0, err
	}
	if list != nil {
		if err := h.configure(list); err != nil {
			return nil, 0, err
		}
	}
	options := scan.Options{}
	if h.mutate {
		options.Prove = scan.ProveInSources
	}
	result, output := scan.Manifests(ctx, input, options)
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	if s := result.Sources[0]; s.Status != check.Failed && s.Reason != "" && !yamldoc.IsBlank(input) {
		return nil, 0, &yamldoc.Error{
			Err:  fmt.Errorf("standard input: %s", s.Reason),
			Hint: "pipe manifests in, as helm template and kustomize build print them",
		}
	}
	remaining := h.report(c, result)
	code = exitCode(remaining, h.failOn)
	switch {
	case code == exitFailures:
		return nil, code, nil
	case list != nil: // A program that runs KRM functions reads the results also if the function fails.
		output, err = list.Answer(output, result)
		return output, code, err
	case code != exitClean:
		return nil, code, nil
	}
	return output, code, nil
}

// configure sets the options that the functionConfig of a ResourceList has. They override the flags.
func (h *hook) configure(list *krm.ResourceList) error {
	options, err := list.Options()
	if err != nil {
		const hint = "write mutate and failOn in the data of a ConfigMap, or in the spec of an object of another kind"
		return usagef(hint, "%w", err)
	}
	if options.Mutate != nil {
		h.mutate = *options.Mutate
	}
	if options.FailOn != nil {
		h.failOn = *options.FailOn
	}
	return nil
}

// report prints the corrected containers and the report of the other findings on standard error. It returns the report
// without the corrected findings, which decides the exit code.
func (h hook) report(c *Command, result *check.Report) *check.Report {
	remaining := *result
	remaining.Findings = nil
	for _, f := range result.Findings {
		if f.Fix == nil {
			remaining.Findings = append(remaining.Findings, f)
			continue
		}
		for _, a := range f.Affected {
			if !h.quiet {
				container := printable.Line(a.Kind + "/" + a.Name + ": " + a.Container)
				fmt.Fprintf(c.Stderr, "corrected: %s: %s [%s]\n", container, printable.Line(f.Fix.Message), f.Rule)
			}
		}
	}
	// An error of writing to standard error is ignored, because there is no other place for it; the exit code still tells.
	color := c.colors(c.Stderr)
	_ = report.Text(styled(c.Stderr, color), &remaining, report.TextOptions{Color: color, Quiet: h.quiet})
	return &remaining
}
