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

// intent is a change, and the edit that the change would be if nothing else in its file changed. Intents with the same edit
// are the same.
type intent struct {
	Change
	alone yamldoc.Edit
}

// file is a file of the tree that intents change. It makes the text of all accepted intents together, and says which
// further intents go with those that it has claimed.
type file struct {
	path string
	data []byte
	text *yamldoc.Text
	// documents are opened once for all values of the file.
	documents map[string]*yamldoc.Document

	accepted []intent
	claims   map[yamldoc.Edit]int // how many attempts claim an edit
	parts    []part               // the claimed parts that are replaced, in order; none overlaps another
	offsets  []int                // the claimed offsets at which is inserted, in order
}

// part is a part of a file that an edit replaces.
type part struct {
	start, end int
	// isValue is true for an empty value, into which several values may be written: null becomes {a: 1, b: 2}.
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

// intent returns the intent of a change. It fails if the file is not what the change was made for.
func (f *file) intent(c Change) (intent, error) {
	edits, err := f.edits([]Change{c})
	if err != nil {
		return intent{}, err
	}
	return intent{c, edits[0]}, nil
}

// write returns the data of the file with the accepted intents and more of them.
func (f *file) write(more []intent) ([]byte, error) {
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

// edits returns the edits that make changes of the file together. Edits of the same offset come in the order of their text.
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

// conflicts reports whether an intent changes what a claimed intent changes otherwise. Two insertions at one offset do not
// conflict.
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

// claim keeps intents that conflict with the intent out, until it is released.
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

// release undoes a claim.
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
