package child

import (
	"bytes"
	"context"
	"encoding/gob"
	"os"
	"path/filepath"
	"testing"
)

// TestForgetDropsResults: after Forget, Keep does not return the result of a child before.
func TestForgetDropsResults(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var before bytes.Buffer
	if err := gob.NewEncoder(&before).Encode("before"); err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), contextKey{}, &journal{file: file, results: map[string][]byte{"web": before.Bytes()}})
	now := func(context.Context) string { return "now" }
	if got, err := Keep(ctx, "web", now); got != "before" || err != nil {
		t.Fatalf("got %q, %v", got, err)
	}
	Forget(ctx)
	if got, err := Keep(ctx, "web", now); got != "now" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestKeepHasALimit: a result for which there is no room is not kept, and a smaller one is.
func TestKeepHasALimit(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	j := &journal{file: file, room: 10}
	j.keep("large", make([]byte, 11))
	j.keep("small", make([]byte, 6))
	j.keep("too much", make([]byte, 5))
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	if records, _ := decode(text); len(records) != 1 || records[0].unit != "small" {
		t.Errorf("kept %q", records)
	}
}
