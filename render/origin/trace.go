// Package origin finds the line of a file that decides a field of a rendered object. The decision itself is read in
// decide.go; the other files make the renders in which it can be read.
//
// The package dyes the files. It replaces each value that may decide the field by a token that occurs nowhere else,
// and renders the source again. The token that comes out in the field names the value that decides. The engine
// itself resolves precedence, aliases and patches, so the package re-implements none of them. It knows nothing of
// pull policies.
//
// # An example
//
// values.yaml of a chart has, on line 14, "  pullPolicy: IfNotPresent" below image, and a template has, on line 31,
// "imagePullPolicy: {{ .Values.image.pullPolicy }}". The query asks for spec.containers[0].imagePullPolicy of Pod/api.
//
//  1. Find sites: line 14 has the value of the field, so it is a ValueSite with the token zq0000012. Line 31 has the
//     key of the field, so it is a LineAnchor with the token zq0000013.
//  2. Render: the lines become "pullPolicy: "zq0000012"" and "imagePullPolicy: &zq0000013 {{ … }}". The field comes
//     out as "&zq0000013 zq0000012".
//  3. Decide: the decision is site 12, values.yaml:14 with the key image.pullPolicy. Site 13 is the line that writes
//     the field: it is on the way from the decision to the object.
//  4. Confirm: one more render with the token zq0000012 alone. The token comes out again, so the trace is exact.
//  5. Package check/fix makes candidates of the sites: "set image.pullPolicy to Always" at site 12, and proves one of
//     them by rendering again.
//
// # Strategies, cost and limits
//
// Find tries the strategies in this order. Each strategy handles the queries that the earlier strategies left open,
// so the cheap strategies come first.
//
//   - traceVerbatim: no render. It decides queries about plain manifests, which no engine changes.
//   - dye: mostly 1 render with all tokens, 2 if a line does not show up. If the source does not render with all
//     tokens, it is bisected, which costs more.
//   - confirmAlone: 1 render with the tokens of the decisions alone. It drops decisions that other tokens have caused.
//   - dyePerFile: 1 render for each file. It helps where tokens in one file break what another file does. It leaves out
//     sources that use templates.
//   - insertMissingKeys: up to 4 renders. It handles missing fields, and comes after dye because a field that dye has
//     decided needs no new key.
//   - tryOtherValue: 1 render, and about 2·log2(sites) for each query. It is last because it costs the most. It alone
//     traces a value that a template computes: {{ upper .Values.policy }}.
//
// Mostly dye and confirmAlone suffice. A source is rendered at most MaxRenders times. A query that is still open
// then has a trace that is not exact: the line that writes the field, or only the file of the object. An object
// whose name is drawn at random is found by its position.
//
// # Files
//
// A file uses only files of its own line and of the lines above:
//
//	site.go query.go targets.go              the question, and the keys and values to look for
//	scan.go scan_{text,template,yaml}.go     an input and the targets → sites (findSites)
//	literal.go                               the values that are written in a file, without a render
//	source.go inputs.go values.go tokens.go  the source, its inputs, the values of its charts, the tokens
//	decide.go                                tokens in rendered objects → decisions
//	run.go tracing.go                        sites → a render; queries and a run
//	strategy_*.go                            which tokens to render next, until every query is decided
//	trace.go                                 queries → traces
package origin

import (
	"context"
	"io/fs"
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// strategies are the ways to decide queries, in the order in which Find tries them. The package comment says why.
var strategies = []func(*tracing){dye, confirmAlone, dyePerFile, insertMissingKeys, tryOtherValue}

// Trace is the answer to a query: the location that decides the field, and the locations between the decision and
// the object.
type Trace struct {
	Query
	// Decisions are the locations of the value. There is at least one. An image that is put together from a
	// repository and a tag has two, in the order of the parts. The Key of a location is the path in a values file
	// (image.pullPolicy), and empty in other files.
	Decisions []yamldoc.Location
	// Via are the locations between the decision and the object, in this order: the line of a template that writes
	// the field, for example.
	Via []yamldoc.Location
	// Exact is true if a render has shown that the decision comes out in the field. If it is false, the decision is
	// only the line that writes the field, or only the file of the object.
	Exact bool

	// Decided are the sites of the decisions; nil if no site was found.
	Decided []*Site
	// Lines are the sites of the lines that write the field. Lines of resources come before lines of patches.
	// SiblingLines are the sites of the lines that write the sibling field, if the field is missing.
	Lines, SiblingLines []*Site
	// ValuesPaths are the paths in the values of the source's chart that override the decision where the decision
	// is in a chart below it. For example, [db image pullPolicy] overrides image.pullPolicy of a dependency with
	// the alias db.
	ValuesPaths [][]string
}

// EmptyLines returns the lines that write the field and may write no value. The last line comes first, because the
// last patch wins. A line with a value is not among them, even if the value does not come out: another line has
// removed the value then.
func (t *Trace) EmptyLines() []*Site {
	var empty []*Site
	for _, line := range slices.Backward(t.Lines) {
		if line.mayBeEmpty {
			empty = append(empty, line)
		}
	}
	return empty
}

// Result is what Find has found out about one source.
type Result struct {
	// Traces are the answers to the queries, in the order of the queries.
	Traces []Trace
	// ValuesFiles are the files that can give values to the source's chart: first the values.yaml of the chart,
	// then the declaration of the source, then the given files (-f) from the highest precedence to the lowest.
	ValuesFiles []ValuesFile
}

// Find answers queries about the objects that a source of a tree was rendered to. It renders the source again,
// mostly once or twice, and at most MaxRenders times. It returns no error: a field that it cannot trace, for
// example because the context is canceled, has a trace that is not exact.
func Find(ctx context.Context, fsys fs.FS, source render.Source, queries []Query) *Result {
	t := newTracing(ctx, tracedSource{fsys, source}, queries)
	traceVerbatim(t.queries)
	if len(t.open()) > 0 {
		for _, strategy := range strategies {
			strategy(t)
		}
	}
	result := &Result{ValuesFiles: t.valuesFiles()}
	known := map[string]bool{}
	for _, name := range t.filesNotInTree() {
		known[name] = false
	}
	for _, q := range t.queries {
		answer := q.answer()
		if len(q.decided) > 0 {
			answer.ValuesPaths = t.valuesPaths(q.decided[0])
		}
		t.setTracked(known, answer.Decisions)
		t.setTracked(known, answer.Via)
		result.Traces = append(result.Traces, answer)
	}
	return result
}

// setTracked sets Tracked of locations: whether the repository of the tree keeps the file. known caches the answer
// by file.
func (t *tracing) setTracked(known map[string]bool, locations []yamldoc.Location) {
	for i := range locations {
		name := locations[i].Path
		if _, ok := known[name]; !ok {
			known[name] = tree.IsTracked(t.tree, name) && !t.isOutside(name)
		}
		locations[i].Tracked = known[name]
	}
}

// answer returns the trace of a query. It takes the best known decision: the sites that decide, else an empty line,
// the line of the sibling field, a line that writes the field, or the file of the object.
func (q *query) answer() Trace {
	t := Trace{Query: q.Query, Exact: true, Decided: q.decided, Lines: q.lines, SiblingLines: q.siblingLines}
	first := func(sites []*Site) ([]yamldoc.Location, []yamldoc.Location) {
		return locationsOf(sites[:1]), fetchedFrom(sites[:1])
	}
	isMissing := q.value == ""
	switch {
	case q.decided != nil && q.decided[0].Kind == KeyInsertion && !q.decided[0].hasSpan():
		// The missing key would stand at the top level of a file, so the file has no line to show. A line that writes the
		// empty field shows more.
		if q.isWrittenEmpty {
			t.Decisions, t.Via = first(q.lines)
		} else {
			s := q.decided[0]
			t.Decisions, t.Via = []yamldoc.Location{{Path: s.Input.Path, Key: s.Key}}, q.via()
		}
	case q.decided != nil:
		t.Decisions, t.Via = locationsOf(q.decided), q.via()
	case isMissing && len(t.EmptyLines()) > 0:
		t.Decisions, t.Via = first(t.EmptyLines())
	case isMissing && len(q.siblingLines) > 0 && len(q.lines) == 0:
		t.Decisions, t.Via = first(q.siblingLines)
	case len(q.lines) > 0:
		t.Decisions, t.Exact = locationsOf(q.lines[:1]), false
	default:
		t.Decisions, t.Exact = []yamldoc.Location{{Path: q.Manifest.Document.Path}}, false
	}
	return t
}

// via returns the locations between the decision and the object: the lines of templates that write the field with a
// value from elsewhere, and the place where the user's tree names a fetched file. The line of a manifest is not on
// the way: its value is the decision, or a patch has replaced it.
func (q *query) via() []yamldoc.Location {
	decision := q.decided[0]
	at := decision.Location()
	var via []yamldoc.Location
	for _, line := range q.lines {
		location := line.Location()
		isOther := at.Path != location.Path || at.Line != location.Line
		if line.decidesByTemplate() && decision.decidesByTemplate() && isOther {
			via = append(via, location)
		}
	}
	return append(via, fetchedFrom(q.decided[:1])...)
}

func locationsOf(sites []*Site) []yamldoc.Location {
	var all []yamldoc.Location
	for _, s := range sites {
		all = append(all, s.Location())
	}
	return all
}

// fetchedFrom returns the locations at which the user's tree names the fetched files of sites: the dependency in
// Chart.yaml, for example.
func fetchedFrom(sites []*Site) []yamldoc.Location {
	var all []yamldoc.Location
	for _, s := range sites {
		if s.Input.From.Path != "" {
			all = append(all, s.Input.From)
		}
	}
	return all
}
