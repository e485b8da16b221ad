package origin

import (
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
)

// path returns the path of the source.
func (t *tracer) path() string { return t.source.ID().Path }

// isChart reports whether the source is a chart.
func (t *tracer) isChart() bool { return t.source.ID().Kind == render.Helm }

// valuesFiles returns the values files that are given with a chart, the lowest precedence first.
func (t *tracer) valuesFiles() []render.File {
	if !t.isChart() {
		return nil
	}
	return t.source.Files()
}

// declaredBy returns where the object stands that declares the source; nil if the source stands for itself.
func (t *tracer) declaredBy() *declared.Declaration {
	source, ok := t.source.(*declared.Source)
	if !ok {
		return nil
	}
	return &source.Declaration
}
