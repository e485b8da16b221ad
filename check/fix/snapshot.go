package fix

import (
	"bytes"
	"compress/flate"
	"io"
	"slices"

	"github.com/pullcheck/pullcheck/render"
)

// Snapshot is what a source rendered to, compressed. A check keeps a snapshot of each source with findings, so that
// the proof need not render the source without edits.
type Snapshot struct {
	Text      []byte            // of all documents, compressed
	Documents []render.Document // without their texts
	Lengths   []int             // of the texts, in bytes
}

// NewSnapshot keeps the documents of a result.
func NewSnapshot(result *render.Result) *Snapshot {
	s := &Snapshot{}
	var text bytes.Buffer
	w, err := flate.NewWriter(&text, flate.BestSpeed)
	if err != nil {
		panic(err) // The level is a constant.
	}
	for _, document := range result.Documents {
		_, _ = w.Write(document.Text) // A buffer takes everything.
		s.Lengths = append(s.Lengths, len(document.Text))
		document.Text = nil
		s.Documents = append(s.Documents, document)
	}
	_ = w.Close()
	s.Text = text.Bytes()
	return s
}

// result returns the result that the snapshot was made of, without the text between documents.
func (s *Snapshot) result() (*render.Result, error) {
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(s.Text)))
	if err != nil {
		return nil, err
	}
	result := &render.Result{Documents: slices.Clone(s.Documents)}
	for i, length := range s.Lengths {
		result.Documents[i].Text, text = text[:length], text[length:]
	}
	return result, nil
}
