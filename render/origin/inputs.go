package origin

import (
	"slices"

	"github.com/pullcheck/pullcheck/render"
)

// inputs are the files and flags that the engine has read in the renders so far, and the values that the templates
// among them read.
type inputs struct {
	byID  map[string]*Input
	order []*Input    // by the time when the engine first used them
	reads []valueRead // the values that templates read for fields
	// keys are the last keys of the paths that templates read for fields: pullPolicy of .Values.image.pullPolicy.
	keys map[string]bool
}

// input returns the Input of a file or a flag. The engine may use the same file in several renders, and the file
// has one Input for all of them.
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

// isOutside reports whether the engine has read an input with this path that is not a file of the tree, such as a
// file of a downloaded chart.
func (i *inputs) isOutside(name string) bool { return i.byID["\x00"+name] != nil }

// at returns the input for a file of the tree; nil if the engine has not read the file.
func (i *inputs) at(name string) *Input { return i.byID[name] }

// hasTemplates reports whether the source has used templates.
func (i *inputs) hasTemplates() bool {
	return slices.ContainsFunc(i.order, func(in *Input) bool { return in.Use == render.UseTemplate })
}
