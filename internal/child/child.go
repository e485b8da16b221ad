// Package child bounds the time and the memory of single pieces of work, such as the render of one chart. Helm's
// template engine cannot be interrupted, and Go cannot take memory away from a goroutine, so the program runs again as
// a child process:
//
//   - The parent ([Supervise]) starts the child with its own arguments and streams, and does nothing else.
//   - The child ([Open]) does everything. It writes into a journal, a file that both read, when each unit of work
//     begins and ends ([Do]), and what came of it ([Keep]).
//   - If the child dies, or if a unit takes longer than it may, the journal has the units that had begun and not ended.
//     If it is one unit, this unit is condemned. If there are several, each is run alone in the next child. The parent
//     starts the next child. There, a condemned unit fails with an [Error], and [Keep] returns the results of the
//     children before, so that no finished work is done again.
//
// Without a journal, [Do] and [Keep] only run the work: so it is in tests, and in another program that embeds package
// scan.
//
// The package knows nothing of charts. It keeps the journal in a directory of its own, which only the user can read,
// and removes the directory at the end.
package child

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits bound the work of a child.
type Limits struct {
	// Timeout is the longest time that one unit may take. If it is 0, there is no limit.
	Timeout time.Duration
	// Memory is the largest memory that the child may use, in bytes. If it is 0, there is no limit.
	Memory uint64
}

// Error is the error for a unit that did not end well: because of a limit, or because the child died in it.
type Error struct {
	// Reason is a sentence without a subject, for people: took longer than 1m0s.
	Reason string
	// Hint is the next thing to type; it may be empty.
	Hint string
}

// Error implements error.
func (e *Error) Error() string { return e.Reason }

// ErrInterrupted is the error for a unit that was not finished when the context was canceled.
var ErrInterrupted = errors.New("interrupted before it was finished")

// tookTooLong returns the error for a unit that takes longer than a limit.
func tookTooLong(limit time.Duration) *Error {
	return &Error{
		Reason: fmt.Sprintf("took longer than %s", limit),
		Hint:   fmt.Sprintf("if it may take so long, give it more time: --timeout %s", 5*limit),
	}
}

// needsMemory returns the error for a unit that needs more memory than a limit in bytes.
func needsMemory(limit uint64) *Error {
	return &Error{
		Reason: fmt.Sprintf("needs more than %s of memory", quantity(limit)),
		Hint:   fmt.Sprintf("if it may need so much, give it more: --memory %s", quantity(2*limit)),
	}
}

// quantity writes a number of bytes as Kubernetes writes quantities: 512Mi, 2Gi.
func quantity(bytes uint64) string {
	if bytes%(1<<30) == 0 {
		return fmt.Sprintf("%dGi", bytes>>30)
	}
	return fmt.Sprintf("%dMi", bytes>>20)
}

// contextKey is the key of the journal in a context.
type contextKey struct{}

// unitKey is the key in the context of the work of a unit: work inside a unit belongs to the unit.
type unitKey struct{}

// journalOf returns the journal of a context; nil without a journal.
func journalOf(ctx context.Context) *journal {
	j, _ := ctx.Value(contextKey{}).(*journal)
	return j
}
