package yamldoc

import (
	"bytes"
	"slices"
	"testing"
)

// editsOf makes edits of parts, which have two bytes for each: how far behind the one before it begins, and how long it
// is. None overlaps another one, and several may insert at one place.
func editsOf(data, parts []byte, texts ...string) []Edit {
	var edits []Edit
	from := 0
	for i := 0; i+1 < len(parts); i += 2 {
		start := min(from+int(parts[i]), len(data))
		from = min(start+int(parts[i+1]), len(data))
		edits = append(edits, Edit{Start: start, End: from, OldText: string(data[start:from]), NewText: texts[i/2%len(texts)]})
	}
	return edits
}

// keeps reports whether a text is the data with edits made, in their order: between the new texts stands, byte for
// byte, what stood between the parts.
func keeps(t *testing.T, text, data []byte, edits []Edit) {
	t.Helper()
	rest, from := text, 0
	ok := true
	next := func(want []byte) {
		if ok = ok && bytes.HasPrefix(rest, want); ok {
			rest = rest[len(want):]
		}
	}
	for _, e := range edits {
		next(data[from:e.Start])
		next([]byte(e.NewText))
		from = e.End
	}
	next(data[from:])
	if !ok || len(rest) > 0 {
		t.Errorf("%q became %q by %+v", data, text, edits)
	}
}

// FuzzApply holds that edits change no byte outside of their parts, in whatever order they are given.
func FuzzApply(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, parts []byte, text string) {
		edits, original := editsOf(data, parts, text, "", text+text), bytes.Clone(data)
		keeps(t, Apply(data, edits), data, edits)
		distinct := slices.CompactFunc(slices.Clone(edits), func(a, b Edit) bool { return a.Start == b.Start })
		shuffled := slices.Clone(distinct)
		slices.Reverse(shuffled)
		keeps(t, Apply(data, shuffled), data, distinct)
		if !bytes.Equal(data, original) {
			t.Errorf("the data were %q and are %q", original, data)
		}
	})
}
