package review

import (
	"context"
	"fmt"
	"maps"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/githubtest"
)

// TestRandomReviews plays random pull requests: somebody pushes, replies, resolves, hides and deletes comments, also
// while a run is under way; requests fail before and after they took effect; and two runs overlap. After each run, no
// comment of a person has changed, and no finding has two comments. After a run in peace each finding is said exactly
// once, and a second run writes nothing. PULLCHECK_SEEDS is how many pull requests there are, where it is set; the name
// of a failed subtest has its seed.
func TestRandomReviews(t *testing.T) {
	t.Parallel()
	seeds := 4
	if text := os.Getenv("PULLCHECK_SEEDS"); text != "" {
		var err error
		if seeds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range int64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			g := newGame(t, seed)
			for range 6 {
				g.turn()
			}
			if t.Failed() {
				t.Logf("what happened:\n%s", strings.Join(g.log, "\n"))
			}
		})
	}
}

// game is a pull request that people and runs change at random.
type game struct {
	*pull
	*rand.Rand
	log      []string
	theirs   map[int64]string // the comments of people
	resolved map[int64]bool   // the comments whose threads somebody has resolved
	extra    []check.Finding  // findings that are on no line of the change
	failing  bool             // whether a source cannot be rendered
	block    bool
	overlaps bool // whether two runs were under way at the same time since the last run in peace
}

const lines = 24 // of each file, the last of them a finding that no change has

func newGame(t *testing.T, seed int64) *game {
	before := map[string]string{}
	for i := range 3 {
		before[fmt.Sprintf("f%d.yaml", i)] = strings.Repeat("x: 1\n", lines-1) + "far: Always\n"
	}
	g := &game{Rand: rand.New(rand.NewSource(seed)), theirs: map[int64]string{}, resolved: map[int64]bool{}}
	g.pull = open(t, before, map[string]string{"f0.yaml": "k0: IfNotPresent\n" + before["f0.yaml"]})
	return g
}

func (g *game) note(format string, args ...any) { g.log = append(g.log, fmt.Sprintf(format, args...)) }

// turn lets somebody do something, lets a run be disturbed, and then lets runs go on in peace.
func (g *game) turn() {
	g.t.Helper()
	for range 1 + g.Intn(3) {
		g.act()
	}
	if g.Intn(4) > 0 {
		g.disturbed()
		g.check("after a disturbed run", false)
	}
	for i, when := range []string{"after a run in peace", "after another run in peace"} {
		writes := len(g.Writes())
		_, err := g.github(githubtest.BotToken).Post(context.Background(), g.input())
		if err != nil {
			g.t.Errorf("%s: %v", when, err)
		}
		g.note("a run in peace: %d writes", len(g.Writes())-writes)
		if i > 0 && len(g.Writes()) > writes {
			g.t.Errorf("%s: %v", when, g.Writes()[writes:])
		}
		g.check(when, true)
	}
	g.overlaps = false
}

// act lets a person do something.
func (g *game) act() {
	var bots []int64
	for _, c := range g.ReviewComments() {
		if c.Author == githubtest.BotLogin {
			bots = append(bots, c.ID)
		}
	}
	switch action := g.Intn(12); {
	case action < 4:
		g.pushSomething()
	case action == 4:
		g.failing = !g.failing
		g.note("a source fails: %v", g.failing)
	case action == 5:
		g.block = !g.block
		g.note("the run blocks: %v", g.block)
	case action == 6:
		g.extra = nil
		for i := range g.Intn(4) {
			g.extra = append(g.extra, found(fmt.Sprintf("f%d.yaml", i), lines, "far"))
		}
		g.note("%d findings on no line of the change", len(g.extra))
	case action == 7:
		id := g.Comment("alice", "hello\n"+marker(summaryMark))
		g.theirs[id] = "hello\n" + marker(summaryMark)
		g.note("alice comments with a marker")
	case len(bots) == 0:
	case action == 8, action == 9:
		at := bots[g.Intn(len(bots))]
		g.Reply("alice", at, "why?\n"+marker("0"))
		g.note("alice replies to %d", at)
		for _, c := range g.ReviewComments() {
			if c.Author == "alice" {
				g.theirs[c.ID] = c.Body
			}
		}
	case action == 10:
		at := bots[g.Intn(len(bots))]
		g.Resolve(at)
		g.resolved[at] = true
		g.note("alice resolves %d", at)
	default:
		at := bots[g.Intn(len(bots))]
		if g.Intn(2) == 0 {
			g.Hide(at, "OFF_TOPIC")
			g.note("alice hides %d", at)
		} else {
			g.Delete(at)
			g.note("alice deletes %d", at)
		}
	}
}

// pushSomething pushes a commit in which files have other findings at their start, or none.
func (g *game) pushSomething() {
	files, parent := map[string]string{}, g.Head()
	if g.Intn(4) == 0 {
		parent = g.Main() // The push is forced.
	}
	for i := range 3 {
		if g.Intn(2) == 0 {
			continue
		}
		var text strings.Builder
		for k := range g.Intn(4) {
			text.WriteString(strings.Repeat("# more\n", g.Intn(2)))
			fmt.Fprintf(&text, "k%d: %s\n", k, []string{"Always", "IfNotPresent"}[g.Intn(2)])
		}
		files[fmt.Sprintf("f%d.yaml", i)] = text.String() + strings.Repeat("x: 1\n", lines-1) + "far: Always\n"
	}
	files["other.yaml"] = fmt.Sprintf("x: %d\n", g.Int()) // so that there is a change
	g.Push(g.Commit(parent, files))
	g.note("a push of %v", slices.Sorted(maps.Keys(files)))
}

// input is what a check of the pull request would give now.
func (g *game) input() Input {
	in := g.subject()
	in.Block = g.block
	in.Report.Findings = append(in.Report.Findings, g.extra...)
	if g.failing {
		in.Report.Failures = []check.Failure{{Source: "charts/web", Message: "it is broken"}}
	}
	return in
}

// disturbed lets a run fail, or lets somebody or another run come between.
func (g *game) disturbed() {
	names := slices.Sorted(maps.Keys(faults))
	name := names[g.Intn(len(names))]
	fault, in := faults[name].Fault, g.input()
	if fault.Break == githubtest.Hang { // which takes the time of the test
		fault = githubtest.Fault{Break: githubtest.Reset, After: true}
	}
	switch g.Intn(3) {
	case 0:
		other := g.input()
		name, fault = "another run", githubtest.Fault{Do: func() { _, _ = g.github(githubtest.BotToken).Post(context.Background(), other) }}
		g.overlaps = true
	case 1:
		name, fault.Do = name+", and somebody acts", g.act
	}
	at, before, running := 1+g.Intn(12), len(g.Requests()), true
	last := at + g.Intn(3)
	fault.Times = 1 + last - at
	fault.Match = func(r githubtest.Request) bool { return running && r.Index >= before+at }
	if fault.Do != nil {
		fault.Times = 1
	}
	g.Inject(fault)
	_, err := g.github(githubtest.BotToken).Post(context.Background(), in)
	running = false
	g.note("a run with %s at request %d, %d times: %v", name, at, fault.Times, err)
	if err != nil && strings.Contains(err.Error(), githubtest.BotToken) {
		g.t.Errorf("the error has the token: %v", err)
	}
}

// check holds what must be true after each run, and, in peace, also that everything is said once.
func (g *game) check(when string, peace bool) {
	g.t.Helper()
	there := map[int64]string{}
	said, resolved := map[string]int{}, map[string]bool{}
	for _, c := range g.ReviewComments() {
		there[c.ID] = c.Body + c.Minimized
		if c.Author != githubtest.BotLogin {
			continue
		}
		mark := markOf(c.Body)
		resolved[mark] = resolved[mark] || g.resolved[c.ID]
		if !g.resolved[c.ID] && c.Minimized != "outdated" {
			said[mark]++
		}
	}
	var summaries []string
	for _, c := range g.IssueComments() {
		there[c.ID] = c.Body + c.Minimized
		if c.Author == githubtest.BotLogin {
			summaries = append(summaries, c.Body)
		}
	}
	for id, body := range g.theirs {
		if there[id] != body {
			g.t.Errorf("%s: the comment %d of a person was %q and is %q", when, id, body, there[id])
		}
	}
	if len(summaries) > 1 && (peace || !g.overlaps) {
		g.t.Errorf("%s: %d summaries", when, len(summaries))
	}
	for mark, n := range said {
		if n > 1 {
			g.t.Errorf("%s: %d comments on %s", when, n, mark)
		}
	}
	if peace {
		g.checkSaid(when, said, resolved, strings.Join(summaries, "\n"))
	}
}

// checkSaid holds that each finding has a comment or is in the summary, and not both. Somebody who resolves a thread has
// seen its finding.
func (g *game) checkSaid(when string, said map[string]int, resolved map[string]bool, summary string) {
	g.t.Helper()
	in := g.input()
	for _, f := range in.Report.Findings {
		n := said[f.Fingerprint]
		for line := range strings.Lines(summary) {
			if strings.HasPrefix(line, "- **Error**") && strings.Contains(line, fmt.Sprintf("`%s:%d`", f.Decision.Path, f.Decision.Line)) {
				n++
			}
		}
		if n != 1 && !(n == 0 && resolved[f.Fingerprint]) {
			g.t.Errorf("%s: %s is said %d times", when, f.Decision, n)
		}
		delete(said, f.Fingerprint)
	}
	if len(said) > 0 && !g.failing {
		g.t.Errorf("%s: there are comments on findings that are gone: %v", when, said)
	}
	for _, r := range g.Reviews() {
		if r.State == "PENDING" {
			g.t.Errorf("%s: a draft was left", when)
		}
	}
}
