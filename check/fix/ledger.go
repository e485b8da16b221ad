package fix

import (
	"io/fs"
	"maps"
	"slices"

	"github.com/pullcheck/pullcheck/render/tree"
)

// ledger keeps the files that attempts change, and the edits that are accepted. It makes edited trees of both.
type ledger struct {
	tree  fs.FS
	files map[string]*file // by path
	fixed *tree.Overlay    // the tree with the accepted intents; stale files are not up to date
	stale map[string]bool  // files with accepted intents that fixed does not have yet
}

func newLedger(fsys fs.FS) *ledger {
	return &ledger{fsys, map[string]*file{}, tree.NewOverlay(fsys), map[string]bool{}}
}

// intent returns the intent of a change. It reads each file once.
func (l *ledger) intent(c Change) (intent, error) {
	f := l.files[c.file()]
	if f == nil {
		var err error
		if f, err = openFile(l.tree, c.file()); err != nil {
			return intent{}, err
		}
		l.files[c.file()] = f
	}
	return f.intent(c)
}

// claim reserves the edits of an attempt for this round, so that a later attempt cannot change the same text. If an
// edit of the attempt conflicts with a claimed or accepted edit, claim takes nothing and reports false: the attempt
// waits for the next round.
func (l *ledger) claim(a *attempt) bool {
	for n, i := range a.intents {
		f := l.files[i.file()]
		if f.conflicts(i) {
			l.release(a.intents[:n])
			return false
		}
		f.claim(i)
	}
	return true
}

// release takes back the claims of intents, because their attempt did not hold.
func (l *ledger) release(intents []intent) {
	for _, i := range intents {
		l.files[i.file()].release(i)
	}
}

// accept adds the intents of an attempt to the accepted intents of their files. Their claims stay.
func (l *ledger) accept(a *attempt) {
	for _, i := range a.intents {
		f := l.files[i.file()]
		f.accepted = append(f.accepted, i)
		l.stale[f.path] = true
	}
}

// forget takes back all accepted intents. Their claims stay.
func (l *ledger) forget() {
	for _, f := range l.files {
		f.accepted = nil
	}
	l.fixed, l.stale = tree.NewOverlay(l.tree), map[string]bool{}
}

// trial returns the tree with the accepted intents and the intents of attempts. Only the files that the attempts
// change are written anew.
func (l *ledger) trial(attempts []*attempt) (*tree.Overlay, error) {
	if err := l.writeAccepted(); err != nil {
		return nil, err
	}
	more := map[string][]intent{}
	for _, a := range attempts {
		for _, i := range a.intents {
			more[i.file()] = append(more[i.file()], i)
		}
	}
	trial := tree.NewOverlay(l.fixed)
	for _, name := range slices.Sorted(maps.Keys(more)) {
		data, err := l.files[name].withIntents(more[name])
		if err != nil {
			return nil, err
		}
		trial.Write(name, data)
	}
	return trial, nil
}

// writeAccepted brings the stale files of fixed up to date.
func (l *ledger) writeAccepted() error {
	for name := range l.stale {
		data, err := l.files[name].withIntents(nil)
		if err != nil {
			return err
		}
		l.fixed.Write(name, data)
		delete(l.stale, name)
	}
	return nil
}

// results returns the files with all accepted intents, sorted by path.
func (l *ledger) results() []File {
	var files []File
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		f := l.files[name]
		if len(f.accepted) == 0 {
			continue
		}
		if after, err := f.withIntents(nil); err == nil { // The same text was made for the proof, without an error.
			files = append(files, File{name, f.data, after})
		}
	}
	return files
}
