package yamldoc

import (
	"cmp"
	"slices"
)

// Edit replaces a part of a file by a text. An insertion replaces an empty part. For example, an edit of
// "pullPolicy: IfNotPresent" has OldText IfNotPresent and NewText Always.
type Edit struct {
	Location
	// Start and End are the offsets of the replaced part in the file, in bytes; End is exclusive.
	Start int `json:"-"`
	End   int `json:"-"`
	// OldText is the replaced text.
	OldText string `json:"-"`
	NewText string `json:"newText"`
}

// Apply returns a copy of data, the content of a file, in which all edits are made. Their offsets refer to data, in any
// order, and they must not overlap. Insertions at the same offset are made in the order of the edits.
func Apply(data []byte, edits []Edit) []byte {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, compareEdits)
	var result []byte
	from := 0
	for _, e := range edits {
		result = append(append(result, data[from:e.Start]...), e.NewText...)
		from = e.End
	}
	return append(result, data[from:]...)
}

func compareEdits(a, b Edit) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
}

// SortEdits sorts edits by their offsets. Edits of the same part keep their order.
func SortEdits(edits []Edit) { slices.SortStableFunc(edits, compareEdits) }
