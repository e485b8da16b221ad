// Package origin says which line of which file decides a field of a rendered object. The decision itself is made in
// decide.go; the other files make renders in which it can be read.
//
// It dyes the files: in a render of its own, each value that may decide the field is replaced by a token that occurs
// nowhere else, and the token that comes out in the field names the decision. The engine itself resolves precedence,
// aliases, patches and all else, so the package re-implements none of it. Nor does it know anything of pull policies.
//
// # An example
//
// values.yaml of a chart has, on line 14, "  pullPolicy: IfNotPresent" below image, and a template has, on line 31,
// "imagePullPolicy: {{ .Values.image.pullPolicy }}". The query asks for spec.containers[0].imagePullPolicy of Pod/api.
//
//  1. Scan: line 14 has the value of the field, so it is a ValueSite with the token zq0000012. Line 31 has the key of the
//     field, so it is a LineAnchor with the token zq0000013.
//  2. Render with "pullPolicy: "zq0000012"" and "imagePullPolicy: &zq0000013 {{ … }}" in the place of the lines. The field
//     comes out as "&zq0000013 zq0000012".
//  3. Read: the decision is site 12, values.yaml:14 with the key image.pullPolicy. The line that writes the field, site 13,
//     is on the way.
//  4. Confirm: one more render with the token zq0000012 alone. The token comes out again, so the trace is exact.
//  5. Package check/fix makes candidates of the sites: "set image.pullPolicy to Always" at site 12, and proves one of them
//     by rendering again.
//
// # Strategies, cost and limits
//
// The strategies are tried in the order of the list below until every query is decided. Mostly the first two suffice, and
// cost a render each. A source is rendered at most MaxRenders times. What is not shown by then has a trace that is not
// exact: the line that writes the field, or only the object's file. An object whose name is drawn at random is found by
// its position. A value that a template computes, such as printf "%s" (upper .Values.policy), is found by tryOtherValue.
//
// # Files
//
// A file uses only files of its own line and of the lines above:
//
//	site.go query.go targets.go              what is looked for
//	scan.go scan_{text,template,yaml}.go     an input and the targets → sites
//	source.go inputs.go values.go tokens.go  what was seen: inputs, values of charts, tokens
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

// strategies are the ways to decide queries, in the order in which they are tried.
var strategies = []func(*tracing){dye, confirmAlone, dyePerFile, insertMissingKeys, tryOtherValue}

// Trace is the answer to a query: where the field was decided, and what is known of the way from there.
type Trace struct {
	Query
	// Decisions are the locations of the value, in their order where the value is put together from several. There is at
	// least one. The key is the path in a values file, and empty in other files.
	Decisions []yamldoc.Location
	// Via are the locations between the decision and the object, in that order.
	Via []yamldoc.Location
	// Exact is true if a render has shown that the decision comes out in the field. Otherwise the decision is what is known:
	// the line that writes the field, or only the object's file.
	Exact bool

	// Decided are the sites of the decisions; nil where none was found.
	Decided []*Site
	// Lines are the sites of the lines that write the field: resources before patches. SiblingLines are the sites of the
	// lines that write the sibling field of a missing field.
	Lines, SiblingLines []*Site
	// ValuesPaths are the paths, in the values of the source's chart, by which charts below it read what was decided:
	// [db image pullPolicy].
	ValuesPaths [][]string
}

// EmptyLines returns the lines that write the field, but may write nothing, the last first: the last patch counts. A line
// that writes something is none of them, even if its value does not come out: other lines take the value away.
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
	// ValuesFiles are the files that can give the source's chart values: its own file, then what declares the source, and
	// then the files that are given, the highest precedence first.
	ValuesFiles []ValuesFile
}

// Find answers queries about what a source of a tree was rendered to. It renders the source again: mostly once or twice, at
// most MaxRenders times. It returns no error: what cannot be shown is not exact, also after the context is canceled.
func Find(ctx context.Context, fsys fs.FS, source render.Source, queries []Query) *Result {
	t := newTracing(ctx, subject{fsys, source}, queries)
	traceVerbatim(t.queries)
	if len(t.open()) > 0 {
		for _, strategy := range strategies {
			strategy(t)
		}
	}
	result := &Result{ValuesFiles: t.valuesFiles()}
	known := map[string]bool{}
	for _, name := range t.namedOnly() {
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

// setTracked says of locations whether their files are kept in the repository of the tree; known is what is known of files.
func (t *tracing) setTracked(known map[string]bool, locations []yamldoc.Location) {
	for i := range locations {
		name := locations[i].Path
		if _, ok := known[name]; !ok {
			known[name] = tree.IsTracked(t.tree, name) && !t.isOutside(name)
		}
		locations[i].Tracked = known[name]
	}
}

// answer returns the trace of what is known.
func (q *query) answer() Trace {
	t := Trace{Query: q.Query, Exact: true, Decided: q.decided, Lines: q.lines, SiblingLines: q.siblingLines}
	first := func(sites []*Site) ([]yamldoc.Location, []yamldoc.Location) {
		return locationsOf(sites[:1]), fetchedFrom(sites[:1])
	}
	isMissing := q.value == ""
	switch {
	case q.decided != nil && q.decided[0].Kind == KeyInsertion && !q.decided[0].hasSpan():
		// The key would stand at the top of a file: the line that reads it says more, if it is there without the key.
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

// via returns the lines of templates that write the field with a value from elsewhere, and where the file of the decision
// was fetched by. The line of a manifest is not on the way: its value is the decision, or was patched.
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

// fetchedFrom returns where the user's tree names the files of sites that are not in the tree.
func fetchedFrom(sites []*Site) []yamldoc.Location {
	var all []yamldoc.Location
	for _, s := range sites {
		if s.Input.From.Path != "" {
			all = append(all, s.Input.From)
		}
	}
	return all
}
