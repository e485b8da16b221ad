package fix

import (
	"io/fs"
	"maps"
	"slices"

	"github.com/pullcheck/pullcheck/render/tree"
)

// ledger keeps the files that attempts change, and the intents that are accepted.
type ledger struct {
	tree  fs.FS
	files map[string]*file
	fixed *tree.Overlay   // the tree with the accepted intents, but for stale files
	stale map[string]bool // files whose accepted intents have changed
}

func newLedger(fsys fs.FS) *ledger {
	return &ledger{fsys, map[string]*file{}, tree.NewOverlay(fsys), map[string]bool{}}
}

// intent returns the intent of a change, in a file that is read once.
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

// claim keeps what conflicts with an attempt out of the round. It reports false if the attempt conflicts itself.
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

// release undoes the claim of intents.
func (l *ledger) release(intents []intent) {
	for _, i := range intents {
		l.files[i.file()].release(i)
	}
}

// accept adds the intents of an attempt for good.
func (l *ledger) accept(a *attempt) {
	for _, i := range a.intents {
		f := l.files[i.file()]
		f.accepted = append(f.accepted, i)
		l.stale[f.path] = true
	}
}

// forget takes back all that was accepted.
func (l *ledger) forget() {
	for _, f := range l.files {
		f.accepted = nil
	}
	l.fixed, l.stale = tree.NewOverlay(l.tree), map[string]bool{}
}

// trial returns the tree with the accepted intents and those of attempts.
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
		data, err := l.files[name].write(more[name])
		if err != nil {
			return nil, err
		}
		trial.Write(name, data)
	}
	return trial, nil
}

// writeAccepted brings the files whose accepted intents have changed up to date.
func (l *ledger) writeAccepted() error {
	for name := range l.stale {
		data, err := l.files[name].write(nil)
		if err != nil {
			return err
		}
		l.fixed.Write(name, data)
		delete(l.stale, name)
	}
	return nil
}

// results returns the files with the accepted intents.
func (l *ledger) results() []File {
	var files []File
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		f := l.files[name]
		if len(f.accepted) == 0 {
			continue
		}
		if after, err := f.write(nil); err == nil { // It was made for the proof before.
			files = append(files, File{name, f.data, after})
		}
	}
	return files
}
