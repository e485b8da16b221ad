package origin

import (
	"context"
	"slices"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// tracing is what the strategies work on: a run, and the queries about it.
type tracing struct {
	*run
	queries   []*query
	confirmed map[*Site]bool // decisions whose tokens came out alone
}

func newTracing(ctx context.Context, s subject, queries []Query) *tracing {
	t := &tracing{confirmed: map[*Site]bool{}}
	for _, asked := range queries {
		t.queries = append(t.queries, &query{Query: asked, value: yamldoc.ScalarAt(asked.Manifest.Node, asked.Path)})
	}
	t.run = newRun(ctx, s, newTargets(t.queries, s.declaration()))
	return t
}

// open returns the queries that are not decided yet.
func (t *tracing) open() []*query {
	return slices.DeleteFunc(slices.Clone(t.queries), func(q *query) bool { return !q.isOpen() })
}

// decideBy decides queries by the tokens in the objects of a render.
func (t *tracing) decideBy(manifests []render.Manifest) { t.decide(manifests, t.queries) }
