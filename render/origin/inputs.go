package origin

import (
	"slices"

	"github.com/pullcheck/pullcheck/render"
)

// inputs is what is known of the inputs that the engine has used.
type inputs struct {
	byID  map[string]*Input
	order []*Input // as the engine used them first
	reads []valueRead
	keys  map[string]bool // the last keys that templates read for fields
}

// input returns what is known of an input.
func (i *inputs) input(in render.Input) *Input {
	id := in.Path
	switch in.Use {
	case render.UseFlag:
		id += "\x00" + string(in.Data) // Flags have no path of their own.
	case render.UseChartFile:
		id += "\x00" // Values files are files of the chart, too.
	}
	if in.Outside {
		id = "\x00" + id
	}
	known := i.byID[id]
	if known == nil {
		known = &Input{Input: in}
		i.byID[id] = known
		i.order = append(i.order, known)
	}
	return known
}

// isOutside reports whether an input of no tree has the path.
func (i *inputs) isOutside(name string) bool { return i.byID["\x00"+name] != nil }

// at returns the input of the tree at a path; nil if it was not seen.
func (i *inputs) at(name string) *Input { return i.byID[name] }

// hasTemplates reports whether the source has used templates.
func (i *inputs) hasTemplates() bool {
	return slices.ContainsFunc(i.order, func(in *Input) bool { return in.Use == render.UseTemplate })
}
