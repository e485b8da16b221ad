package origin

import (
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Query asks for the decision of one field of an object that a source was rendered to.
type Query struct {
	Manifest *render.Manifest
	// Path leads to a scalar, whether the scalar is there or not.
	Path yamldoc.Path
	// SiblingField leads to a scalar in the same mapping, such as the image; nil if there is none. The decision for a field
	// that is missing and that no key sets is the line of its sibling field.
	SiblingField yamldoc.Path
	// Replacement is a value that charts accept in the place of the field's value.
	Replacement string
}

// query is a query and what is known of its answer.
type query struct {
	Query
	value string // as rendered; empty if it is missing or null
	// decided are the sites whose tokens came out.
	decided []*Site
	// lines and siblingLines are as in Trace.
	lines, siblingLines []*Site
	// isWrittenEmpty is true if a line writes the missing field: with nothing in it.
	isWrittenEmpty bool
}

// isOpen reports whether tokens have yet to come out.
func (q *query) isOpen() bool { return !q.Manifest.Document.Verbatim && q.decided == nil }

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
