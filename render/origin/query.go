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
