package origin

import (
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Literal is a place in a file where a value is written.
type Literal struct {
	Value string
	// Location is the location of the value, with its quotes. Its Key is the path in YAML, and empty in a template.
	Location yamldoc.Location
}

// Literals returns the places in a file where one of some values is written, in the order of the scan: in YAML, also
// inside of block scalars, in the text of templates, and in arguments that a template passes on. It has the value
// sites that a trace of these values would have, and renders nothing. It returns nothing for a file in UTF-16.
func Literals(name string, data []byte, values ...string) []Literal {
	t := emptyTargets()
	for _, value := range values {
		t.addValue(value)
	}
	t.compile()
	in := &Input{Input: render.Input{Path: name, Use: render.UseChartFile, Data: data}}
	var literals []Literal
	for _, site := range findSites(in, t).sites {
		if at := site.Location(); site.Kind == ValueSite && at.Line > 0 {
			at.Key = site.Key
			literals = append(literals, Literal{site.Value, at})
		}
	}
	return literals
}
