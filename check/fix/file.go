package fix

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// intent is a change with its edit. The edit, alone, makes this change as if nothing else in the file changed. Two
// intents with the same edit are the same.
type intent struct {
	Change
	alone yamldoc.Edit
}

// file is a file of the tree that intents change. It makes the text of several intents together. It also knows
// which edits are claimed, and so which further intents conflict with them: two edits with different texts for one
// value conflict; edits of two lines do not.
type file struct {
	path string
	data []byte
	text *yamldoc.Text
	// documents has the opened documents by place. Opening parses the file, so each is opened once.
	documents map[string]*yamldoc.Document

	accepted []intent
	claims   map[yamldoc.Edit]int // the number of attempts that claim an edit
	parts    []part               // the parts that claimed edits replace, sorted; they do not overlap
	offsets  []int                // the offsets at which claimed edits insert text, sorted
}

// part is a part of a file that an edit replaces, in byte offsets.
type part struct {
	start, end int
	// isValue is true if a Value replaces the part, which is then an empty value. Several Values may be written
	// into it: null becomes {a: 1, b: 2}.
	isValue bool
}

// openFile reads a file of a tree.
func openFile(fsys fs.FS, name string) (*file, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	return &file{
		path: name, data: data, text: yamldoc.NewText(data),
		documents: map[string]*yamldoc.Document{}, claims: map[yamldoc.Edit]int{},
	}, nil
}

// intent returns the intent of a change. It fails if the file does not have the text or the place that the change
// expects.
func (f *file) intent(c Change) (intent, error) {
	edits, err := f.edits([]Change{c})
	if err != nil {
		return intent{}, err
	}
	return intent{c, edits[0]}, nil
}

// withIntents returns the text of the file with the accepted intents and more intents.
func (f *file) withIntents(more []intent) ([]byte, error) {
	var changes []Change
	seen := map[yamldoc.Edit]bool{}
	for _, i := range slices.Concat(f.accepted, more) {
		if !seen[i.alone] {
			seen[i.alone] = true
			changes = append(changes, i.Change)
		}
	}
	edits, err := f.edits(changes)
	if err != nil {
		return nil, err
	}
	return yamldoc.Apply(f.data, edits), nil
}

// edits returns the edits that make all changes of the file together, sorted. Values and items of all changes are
// laid out at once, because new keys may share a new mapping. Edits at the same offset are sorted by their text, so
// that the result does not depend on the order of the changes.
func (f *file) edits(changes []Change) ([]yamldoc.Edit, error) {
	var edits []yamldoc.Edit
	settings := map[*yamldoc.Document][]yamldoc.Setting{}
	items := map[string][][]string{}
	for _, c := range changes {
		switch {
		case c.Value != nil:
			document, err := f.open(c.Value.Place)
			if err != nil {
				return nil, err
			}
			slot, ok := document.Slot(c.Value.Path)
			if !ok {
				return nil, fmt.Errorf("%s has no place for %s", f.path, c.Value.Path)
			}
			settings[document] = append(settings[document], yamldoc.Setting{Slot: slot, Value: c.Value.Text})
		case c.Item != nil:
			items[c.Item.List] = append(items[c.Item.List], c.Item.Lines)
		default:
			if e := *c.Edit; e.End > len(f.data) || string(f.data[e.Start:e.End]) != e.OldText {
				return nil, errors.New(f.path + " is not what it was")
			}
			edits = append(edits, *c.Edit)
		}
	}
	for document, values := range settings {
		edits = append(edits, document.Write(f.path, values)...)
	}
	for list, lines := range items {
		document, err := f.open(yamldoc.Place{})
		if err != nil {
			return nil, err
		}
		e, err := document.Append(f.path, list, lines)
		if err != nil {
			return nil, err
		}
		edits = append(edits, e)
	}
	slices.SortFunc(edits, func(a, b yamldoc.Edit) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), strings.Compare(a.NewText, b.NewText))
	})
	return edits, nil
}

// open returns the document at a place.
func (f *file) open(place yamldoc.Place) (*yamldoc.Document, error) {
	id := fmt.Sprint(place.Document, " ", place.At)
	if known := f.documents[id]; known != nil {
		return known, nil
	}
	document, err := yamldoc.Open(f.text, place)
	if err == nil {
		f.documents[id] = document
	}
	return document, err
}

// conflicts reports whether an intent changes a text that a claimed edit changes in another way. Two insertions at
// the same offset do not conflict, and two Values in the same empty value do not either. The same edit twice is no
// conflict: two findings can share a fix.
func (f *file) conflicts(i intent) bool {
	e := i.alone
	if f.claims[e] > 0 {
		return false
	}
	at := f.partFrom(e.Start)
	if at < len(f.parts) && f.parts[at].start < e.End && e.Start < f.parts[at].end {
		return f.parts[at] != part{e.Start, e.End, true} || i.Value == nil
	}
	if e.Start == e.End {
		return false
	}
	inside := sort.SearchInts(f.offsets, e.Start+1)
	return inside < len(f.offsets) && f.offsets[inside] < e.End
}

// partFrom returns the index of the first claimed part that ends behind an offset.
func (f *file) partFrom(offset int) int {
	return sort.Search(len(f.parts), func(n int) bool { return f.parts[n].end > offset })
}

// claim records the edit of an intent. Until it is released, conflicts reports every intent that conflicts with it.
// Attempts may share an edit; it then has several claims.
func (f *file) claim(i intent) {
	e := i.alone
	if f.claims[e]++; f.claims[e] > 1 {
		return
	}
	if e.Start == e.End {
		f.offsets = slices.Insert(f.offsets, sort.SearchInts(f.offsets, e.Start), e.Start)
		return
	}
	p := part{e.Start, e.End, i.Value != nil}
	at, _ := slices.BinarySearchFunc(f.parts, p, compareParts)
	f.parts = slices.Insert(f.parts, at, p)
}

// release undoes one claim.
func (f *file) release(i intent) {
	e := i.alone
	if f.claims[e]--; f.claims[e] > 0 {
		return
	}
	if e.Start == e.End {
		at := sort.SearchInts(f.offsets, e.Start)
		f.offsets = slices.Delete(f.offsets, at, at+1)
		return
	}
	if at, ok := slices.BinarySearchFunc(f.parts, part{start: e.Start, end: e.End}, compareParts); ok {
		f.parts = slices.Delete(f.parts, at, at+1)
	}
}

func compareParts(a, b part) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
}
