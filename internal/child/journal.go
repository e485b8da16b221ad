package child

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
)

// kind says what a record of the journal means.
type kind byte

const (
	// The child writes these kinds.
	began    kind = 'b' // a unit has begun; the payload is its time limit in nanoseconds
	ended    kind = 'e' // the unit has ended
	kept     kind = 'k' // the payload is the result of the unit
	input    kind = 'i' // the payload is the whole standard input
	forgot   kind = 'f' // the results before this record no longer count
	limited  kind = 'l' // the payload is the limit of the child's memory in bytes
	exceeded kind = 'm' // the child ends because it needs more memory
	finished kind = 'd' // the child ends on purpose

	// The parent writes these kinds.
	alone     kind = 'a' // the unit is to be run alone
	condemned kind = 'c' // the unit is not to be run; the payload is the reason, a zero byte and the hint
)

// record is one entry of the journal.
type record struct {
	kind    kind
	unit    string
	payload []byte
}

// encode returns a record as it stands in the file: the kind, the lengths of the unit and the payload, and both.
func (r record) encode() []byte {
	text := []byte{byte(r.kind)}
	text = binary.AppendUvarint(text, uint64(len(r.unit)))
	text = binary.AppendUvarint(text, uint64(len(r.payload)))
	text = append(text, r.unit...)
	return append(text, r.payload...)
}

// decode returns the complete records at the start of a text, and their length in bytes. A child that was killed may
// leave the last record incomplete.
func decode(text []byte) (records []record, length int) {
	for rest := text; len(rest) > 0; length = len(text) - len(rest) {
		unit, n := binary.Uvarint(rest[1:])
		if n <= 0 {
			return records, length
		}
		payload, m := binary.Uvarint(rest[1+n:])
		start := 1 + n + m
		if m <= 0 || uint64(len(rest)-start) < unit || uint64(len(rest)-start)-unit < payload {
			return records, length
		}
		data := rest[start : start+int(unit)+int(payload)]
		records = append(records, record{kind(rest[0]), string(data[:unit]), data[unit:]})
		rest = rest[start+len(data):]
	}
	return records, length
}

// number encodes a number as a payload; toNumber decodes it.
func number(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func toNumber(payload []byte) uint64 {
	n, _ := binary.Uvarint(payload)
	return n
}

// condemnation encodes an error as a payload; toError decodes it.
func condemnation(e *Error) []byte { return []byte(e.Reason + "\x00" + e.Hint) }

func toError(payload []byte) *Error {
	reason, hint, _ := bytes.Cut(payload, []byte{0})
	return &Error{string(reason), string(hint)}
}

// follower reads the records that another process appends to a file.
type follower struct {
	file *os.File
	rest []byte // an incomplete record
}

// next returns the records that have been completed since the last call.
func (f *follower) next() ([]record, error) {
	text, err := io.ReadAll(f.file)
	if err != nil {
		return nil, err
	}
	f.rest = append(f.rest, text...)
	records, length := decode(f.rest)
	f.rest = bytes.Clone(f.rest[length:])
	return records, nil
}
