package origin

import (
	"context"
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// tracing is the state that the strategies share: a run, which renders, and the queries, which the renders decide.
type tracing struct {
	*run
	queries   []*query
	confirmed map[*Site]bool // the decisions that confirmAlone has already checked
}

func newTracing(ctx context.Context, s tracedSource, queries []Query) *tracing {
	t := &tracing{confirmed: map[*Site]bool{}}
	for _, asked := range queries {
		t.queries = append(t.queries, &query{Query: asked, value: yamldoc.ScalarAt(asked.Manifest.Node, asked.Path)})
	}
	t.run = newRun(ctx, s, newTargets(t.queries, s.declaration()))
	return t
}

// open returns the queries that have no decision yet.
func (t *tracing) open() []*query {
	return slices.DeleteFunc(slices.Clone(t.queries), func(q *query) bool { return !q.isOpen() })
}

// decideBy reads the tokens in the objects of a render and writes what they show into the queries.
func (t *tracing) decideBy(manifests []render.Manifest) { t.decide(manifests, t.queries) }
