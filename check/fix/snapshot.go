package fix

import (
	"bytes"
	"compress/flate"
	"io"
	"slices"

	"github.com/pullcheck/pullcheck/render"
)

// Snapshot is what a source was rendered to, compressed: a check keeps one for each source with findings.
type Snapshot struct {
	text      []byte // compressed
	documents []render.Document
	lengths   []int
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
		s.lengths = append(s.lengths, len(document.Text))
		document.Text = nil
		s.documents = append(s.documents, document)
	}
	_ = w.Close()
	s.text = text.Bytes()
	return s
}

// result returns the result that the snapshot was made of, without the text between documents.
func (s *Snapshot) result() (*render.Result, error) {
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(s.text)))
	if err != nil {
		return nil, err
	}
	result := &render.Result{Documents: slices.Clone(s.documents)}
	for i, length := range s.lengths {
		result.Documents[i].Text, text = text[:length], text[length:]
	}
	return result, nil
}
