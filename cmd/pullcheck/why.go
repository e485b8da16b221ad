package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/check/scan"
	"github.com/pullcheck/pullcheck/internal/lookup"
	"github.com/pullcheck/pullcheck/internal/report"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// runWhy prints where a field of an object was decided.
func runWhy(ctx context.Context, c *Command, args []string) (int, error) {
	flags := c.newFlags("why")
	var options sourceFlags
	options.register(flags)
	if err := parseFlags(flags, args); err != nil {
		return 0, err
	}
	if flags.NArg() != 3 {
		return 0, usagef("pullcheck why deploy/api spec.replicas charts/api", "%d arguments given, why takes KIND/NAME, FIELD and PATH", flags.NArg())
	}
	if err := options.validate(); err != nil {
		return 0, err
	}
	asked := lookup.Query{Object: flags.Arg(0), Field: flags.Arg(1), Source: flags.Arg(2)}
	w, err := options.open(ctx, c, flags.Args()[2:])
	if err != nil {
		return 0, err
	}
	sources, err := w.One(ctx)
	if several := (*scan.SeveralError)(nil); errors.As(err, &several) {
		return 0, usagef("pullcheck why "+asked.Object+" "+asked.Field+" "+several.Instead,
			"%s holds %d sources, why takes one", several.Path, several.Count)
	}
	if err != nil {
		return 0, err
	}
	var manifests []render.Manifest
	var from []render.Source // of each manifest
	for _, source := range sources {
		result, err := source.Render(ctx, render.In{Tree: w.Tree()})
		if err != nil {
			return 0, err
		}
		found, err := result.Manifests(func([]byte) bool { return true })
		if err != nil {
			return 0, err
		}
		manifests = append(manifests, found...)
		from = append(from, slices.Repeat([]render.Source{source}, len(found))...)
	}
	manifest, path, err := asked.Find(manifests)
	if wrong := (*lookup.Error)(nil); errors.As(err, &wrong) {
		return 0, usagef(wrong.Hint, "%w", err)
	}
	if err != nil {
		return 0, err
	}
	question := origin.Question{
		Manifest: manifest, Path: path, Near: lookup.Near(manifest, path),
		Instead: lookup.Instead(yamldoc.ScalarAt(manifest.Node, path)),
	}
	source := from[0]
	for i := range manifests {
		if &manifests[i] == question.Manifest {
			source = from[i]
		}
	}
	answer := origin.Trace(ctx, w.Tree(), source, []origin.Question{question})[0]
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	trace := report.Trace{
		Field:     asked.Field,
		Missing:   yamldoc.ScalarAt(question.Manifest.Node, question.Path) == "",
		Decisions: answer.Decisions,
		Via:       answer.Via,
		Exact:     answer.Exact,
	}
	title := fmt.Sprintf("%s %s %s", lookup.ObjectName(question.Manifest), asked.Field, whatIs(question, answer))
	return exitClean, report.Why(c.Stdout, title, trace, report.TextOptions{Color: c.colors(c.Stdout)})
}

// whatIs says what a field is: its first line, if it has several. A field that is missing and that nothing is known to
// write may be misspelt: those beside it show that.
func whatIs(q origin.Question, answer origin.Answer) string {
	node, holder := yamldoc.Lookup(q.Manifest.Node, q.Path)
	if node == nil && len(holder.Content) > 0 && len(answer.Via) == 0 && answer.Decisions[0].Key == "" {
		return "is not set; beside it stand " + strings.Join(fieldsOf(holder), ", ")
	}
	if node = yamldoc.Resolve(node); lookup.IsNull(node) {
		return "is not set"
	}
	first, _, more := strings.Cut(node.Value, "\n")
	switch {
	case more:
		first += "…"
	case first == "":
		first = `""`
	}
	return "= " + first
}

// fieldsOf are the keys of a mapping, in its order.
func fieldsOf(mapping *yaml.Node) []string {
	var keys []string
	for i := 0; i < len(mapping.Content); i += 2 {
		keys = append(keys, yamldoc.Path{yamldoc.Key(mapping.Content[i].Value)}.String())
	}
	return keys
}
