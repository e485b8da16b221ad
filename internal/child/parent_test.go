package child

import (
	"os"
	"path/filepath"
	"testing"
)

// TestJudgeUnitThatJustEnds: a unit that ends after the decision to end the child is condemned all the same, and a unit
// that runs beside it is not condemned in its place.
func TestJudgeUnitThatJustEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		decide func(s *supervisor)
		other  []record // of a unit that runs beside it
		want   kind
	}{
		{"late", func(s *supervisor) { s.late = true }, nil, condemned},
		{"memory", func(s *supervisor) { s.exceeded = true }, nil, condemned},
		{"beside another", func(s *supervisor) { s.late = true }, []record{{began, "other", number(0)}}, alone},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, err := os.OpenFile(filepath.Join(dir, "journal"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			s := &supervisor{dir: dir, journal: file, reader: follower{file: file}, open: map[string]*unit{}, alone: map[string]bool{}}
			child := func(records ...record) {
				t.Helper()
				text, err := os.OpenFile(file.Name(), os.O_WRONLY|os.O_APPEND, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer text.Close()
				for _, r := range records {
					if _, err := text.Write(r.encode()); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.follow(); err != nil {
					t.Fatal(err)
				}
			}
			child(append(test.other, record{began, "web", number(1)})...)
			test.decide(s)
			child(record{kind: ended, unit: "web"})
			if err := s.judge(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file.Name())
			if err != nil {
				t.Fatal(err)
			}
			records, _ := decode(text)
			last := records[len(records)-1]
			if last.kind != test.want || last.unit != "web" {
				t.Errorf("the last record is %c %s, want %c web", last.kind, last.unit, test.want)
			}
		})
	}
}
