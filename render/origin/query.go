package origin

import (
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Query asks which line decides one field of one rendered object: spec.containers[0].imagePullPolicy of Pod/api,
// for example.
type Query struct {
	// Manifest is the object, as the source was rendered without tokens.
	Manifest *render.Manifest
	// Path leads to a scalar. The scalar may be missing.
	Path yamldoc.Path
	// SiblingField leads to a scalar in the same mapping, such as the image of the container. It is nil if there is
	// none. A field may be missing although no key could set it. The decision is then the line of the sibling
	// field, because a person would add the field below that line.
	SiblingField yamldoc.Path
	// Replacement is a value that templates accept for the field, such as Always. The strategy tryOtherValue writes
	// it where a template refuses a token.
	Replacement string
}

// query is a Query, and the answer that the strategies have found so far.
type query struct {
	Query
	value string // of the field, as rendered; empty if the field is missing or null
	// decided are the sites whose tokens came out in the field, in the order of the tokens. An image can have two
	// sites: one in the repository, one in the tag.
	decided []*Site
	// lines and siblingLines are Lines and SiblingLines of the Trace.
	lines, siblingLines []*Site
	// isWrittenEmpty is true if a line writes the missing field without a value: "imagePullPolicy: {{ .Values.p }}"
	// where p is not set.
	isWrittenEmpty bool
}

// isOpen reports whether no site is known yet that decides the field. The tokens of a later strategy may still show
// it.
func (q *query) isOpen() bool { return !q.Manifest.Document.Verbatim && q.decided == nil }
