package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/child"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/declared"
	"github.com/pullcheck/pullcheck/render/discover"
	"github.com/pullcheck/pullcheck/render/kustomize"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// This file holds a change to the rule that nothing leaves the check unseen. A new .gitignore, a kustomization beside
// manifests or an Application of a chart can make sources of the base vanish from the head, although their files are
// still there. Such a former source is rendered in the head as if nothing had happened, so that its new findings are
// reported. In addition, it is a failure, unless its objects are gone or sources of the head deploy them:
//
//	the change                                      what becomes of the former source
//	deletes its files, or its object                nothing: it is gone
//	moves its directory                             nothing: the source has another name in the base
//	adds an overlay or Application that deploys it  its new findings are reported
//	hides it, or takes it over and deploys less     its new findings are reported, and it is a failure
//	makes the engine skip it                        a failure
//
// It costs the discovery of the base in each comparison. Only former sources and skipped sources are rendered, in the
// base and in the head.

// comparison compares the sources of a head with the sources of its base.
type comparison struct {
	*Baseline
	ctx  context.Context
	head *Workspace
	all  []render.Source // the sources of the head, also those that the change does not affect
	// base has the sources of the base, by the ID that they have in the head.
	base   map[render.ID]render.Source
	former []former
	err    error // why the sources of the base are not known, or are not complete

	// heads is the number of sources of the head in the scan; the former sources come after them. judge sets the scan and
	// its outcomes.
	heads    int
	scan     *scan
	outcomes []render.Outcome
	// downloaded has the sources of the scan for which the base uses downloaded content.
	downloaded map[int]bool
	// local has the reaches of the sources that are neither in the base nor in the change; nil until they are needed.
	local []*render.Reach
}

// former is a source that the base has, or would have without .gitignore, and that the head does not have.
type former struct {
	render.Source      // with the names of the head
	base          bool // whether the base has it
	affected      bool // whether the change can affect its manifests
}

// compare finds the sources of the base, and the former sources among them. all are the sources of the head.
func (b *Baseline) compare(ctx context.Context, w *Workspace, all []render.Source) *comparison {
	c := &comparison{Baseline: b, ctx: ctx, head: w, all: all, base: map[render.ID]render.Source{}}
	known := map[render.ID]bool{}
	for _, source := range all {
		known[source.ID()] = true
	}
	before := c.sources(w.over(b.Base, "base: "), b.oldName)
	for _, source := range before {
		c.base[source.Renamed(b.newName).ID()] = source
	}
	for _, source := range before {
		renamed := source.Renamed(b.newName)
		if isNew(known, renamed) && !c.isDeclared(renamed) && c.isThere(source, renamed) {
			c.former = append(c.former, former{renamed, true, b.mayAffect(w.tree, renamed)})
		}
	}
	if b.changesIgnored(w.tree) {
		for _, source := range c.sources(w.over(withoutIgnore(w.tree), ""), func(name string) string { return name }) {
			if isNew(known, source) && b.mayAffect(w.tree, source) {
				c.former = append(c.former, former{source, false, true})
			}
		}
	}
	return c
}

// isNew reports whether a source that can be rendered is not known yet, and makes it known.
func isNew(known map[render.ID]bool, source render.Source) bool {
	_, unrendered := source.(render.Unrendered)
	if unrendered || known[source.ID()] {
		return false
	}
	known[source.ID()] = true
	return true
}

// withoutIgnore returns a tree in which all .gitignore files are empty.
func withoutIgnore(fsys fs.FS) fs.FS {
	return tree.Probed{FS: fsys, Probe: func(name string, data []byte) []byte {
		if path.Base(name) == ".gitignore" {
			return nil
		}
		return data
	}}
}

// with returns the sources to scan: some sources of the head, and the former sources.
func (c *comparison) with(heads []render.Source) []render.Source {
	c.heads = len(heads)
	for _, former := range c.former {
		heads = append(heads, former.Source)
	}
	return heads
}

// isUnaffected reports whether a source of the scan is a former source that the change cannot affect, so that all its
// findings are old.
func (c *comparison) isUnaffected(i int) bool { return i >= c.heads && !c.former[i-c.heads].affected }

// sources returns the sources of a workspace at the paths of the comparison. name returns the name of a path there.
func (c *comparison) sources(w *Workspace, name func(string) string) []render.Source {
	var all []render.Source
	for _, at := range c.paths() {
		sources, err := w.Select(c.ctx, []string{name(at)})
		if nothing := (*NothingError)(nil); err != nil && !errors.As(err, &nothing) && !errors.Is(err, fs.ErrNotExist) {
			c.err = err
		}
		all = append(all, sources...)
	}
	return Distinct(all)
}

// paths returns the paths that are checked.
func (b *Baseline) paths() []string {
	if b.Paths == nil {
		return []string{"."}
	}
	return b.Paths
}

// changesIgnored reports whether the change adds or edits a file that .gitignore names, and that git tracks
// nevertheless.
func (b *Baseline) changesIgnored(fsys fs.FS) bool {
	return slices.ContainsFunc(b.Files, func(file git.File) bool {
		return file.Status != git.Deleted && tree.IsFile(fsys, file.Path) && !tree.IsTracked(fsys, file.Path)
	})
}

// isDeclared reports whether an object of the head declares the source. The source may have another name there, for
// example because another Application of the same name was added.
func (c *comparison) isDeclared(source render.Source) bool {
	is, ok := source.(*declared.Source)
	return ok && slices.ContainsFunc(c.all, func(other render.Source) bool {
		o, ok := other.(*declared.Source)
		return ok && o.Continues(is)
	})
}

// isThere reports whether the files that make a source of the base are still in the head, where the source has the
// other name. A file that git tracks no more is not in the head, although it may still be in the working tree.
func (c *comparison) isThere(inBase, inHead render.Source) bool {
	before := definers(c.Base, inBase)
	after := slices.DeleteFunc(definers(c.head.tree, inHead), func(name string) bool {
		file, ok := c.Files.Find(name)
		return ok && file.Status == git.Deleted
	})
	if is, ok := inHead.(*declared.Source); ok && !c.declares(is) {
		return false
	}
	if inHead.ID().Kind == render.Raw {
		return len(after) > 0
	}
	return len(after) == len(before)
}

// declares reports whether the object that declares a source of the base is still in the head, as an object that declares
// the source, or that is now skipped.
func (c *comparison) declares(source *declared.Source) bool {
	if !tree.IsFile(c.head.tree, source.Path) {
		return false
	}
	unit := "object of " + render.Unit(source)
	isGone, err := child.Do(c.ctx, unit, func(ctx context.Context) bool {
		_, err := source.Resolve(ctx, render.In{Tree: c.head.tree})
		gone := declared.GoneError("")
		return errors.As(err, &gone)
	})
	return err != nil || !isGone || c.newlySkipped(source) != nil
}

// definers returns the files of a tree that make a source what it is: the Chart.yaml of a chart and the values files of
// its environment, the kustomization file, or the manifests. For a declared source they are those of the source that it
// deploys, without values files.
func definers(fsys fs.FS, source render.Source) []string {
	id := source.ID()
	var names []string
	switch id.Kind {
	case render.Helm:
		names = append(names, path.Join(id.Path, "Chart.yaml"))
	case render.Kustomize:
		if file, ok := kustomize.FindFile(fsys, id.Path); ok {
			names = append(names, file)
		}
	}
	if _, isDeclared := source.(*declared.Source); !isDeclared || id.Kind == render.Raw {
		for _, file := range source.Files() {
			if file.Data == nil && (id.Kind != render.Raw || discover.IsManifest(file.Path)) {
				names = append(names, file.Path)
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return !tree.IsFile(fsys, name) })
}

// container is a container of a rendered object. Two containers are the same in the base and in the head if all but
// their documents are equal.
type container struct{ Document, Kind, Name, Container string }

// containersOf returns the containers of manifests.
func containersOf(manifests []render.Manifest) []container {
	found := []container{}
	for _, m := range manifests {
		for _, c := range check.Containers(m) {
			found = append(found, container{m.Document.Path, m.Kind, m.Name, c.Name})
		}
	}
	return found
}

// without returns the containers that are not among others.
func without(all, others []container) []container {
	left := map[container]int{} // the number of equal containers among the others, without their documents
	for _, other := range others {
		other.Document = ""
		left[other]++
	}
	return slices.DeleteFunc(slices.Clone(all), func(c container) bool {
		c.Document = ""
		left[c]--
		return left[c] >= 0
	})
}

// judged is what a change does to the sources of the base, apart from findings.
type judged struct {
	// failures and statuses are those of the whole scan.
	failures []check.Failure
	statuses []check.SourceStatus
	// skipped are the sources that the change makes the engines skip, as a whole or in part.
	skipped []check.SourceStatus
}

// judge finds the lost sources. It takes the failures and statuses of the head, which are the first outcomes, and
// returns them with those of the former sources.
func (c *comparison) judge(s *scan, outcomes []render.Outcome) judged {
	c.scan, c.outcomes = s, outcomes
	j := judged{failures: failures(outcomes[:c.heads])}
	if c.err != nil {
		j.failures = append(j.failures, check.Failure{Source: ".", Message: "the base cannot be compared: " + c.err.Error()})
	}
	before := c.renderBase()
	for i, status := range s.statuses(outcomes) {
		missing := c.missing(i, before[i])
		switch {
		case len(missing) > 0:
			failure := c.failure(i, missing)
			j.failures = append(j.failures, failure)
			status.Status, status.Reason = check.Failed, failure.Message
		case i < c.heads && c.isSkipped(i) && (before[i] != nil || c.base[outcomes[i].Source.ID()] == nil):
			j.skipped = append(j.skipped, status)
		case i >= c.heads && (outcomes[i].Err != nil || c.isUnaffected(i)):
			continue // Other sources deploy it, or it is gone.
		}
		j.statuses = append(j.statuses, status)
	}
	return j
}

// isSkipped reports whether a source is skipped, as a whole or in part, although it could have containers.
func (c *comparison) isSkipped(i int) bool {
	skip := c.outcomes[i].Skip
	return skip != nil && !skip.NoObject || c.scan.checked[i].Rest != nil
}

// unknown stands for the containers of a former source that cannot be rendered, neither in the base nor in the head. It
// may be the change that forbids it: what the base does not name is not downloaded for strangers (Config.OnlyNamed).
var unknown = []container{{}}

// renderBase renders the sources of the base for which the head does not tell what is lost, and returns their
// containers by the index of the source. It leaves out sources that the base skips, and sources of the head that the
// base cannot render either.
func (c *comparison) renderBase() map[int][]container {
	var indexes []int
	var sources []render.Source
	for i := range c.outcomes {
		source := c.base[c.outcomes[i].Source.ID()]
		if _, unrendered := source.(render.Unrendered); source != nil && !unrendered && c.needsBase(i) {
			indexes, sources = append(indexes, i), append(sources, source)
		}
	}
	visit := func(_ context.Context, _ int, result *render.Result) ([]container, error) {
		manifests, err := result.Manifests(check.MayHoldContainers)
		return containersOf(manifests), err
	}
	options := render.AllOptions{Jobs: c.scan.options.Jobs, Prefix: "containers of the base: ", Keep: true}
	rendered, found := render.All(c.ctx, c.Base, sources, options, visit)
	before := map[int][]container{}
	c.downloaded = map[int]bool{}
	for n, i := range indexes {
		c.downloaded[i] = rendered[n].Downloaded
		switch {
		case rendered[n].Err == nil && rendered[n].Skip == nil:
			before[i] = append([]container{}, found[n]...)
		case rendered[n].Err != nil && i >= c.heads:
			before[i] = unknown
		}
	}
	return before
}

// needsBase reports whether only the base tells which containers a source had: whether the source is skipped, or is a
// former source that cannot be rendered in the head although its objects are there.
func (c *comparison) needsBase(i int) bool {
	outcome := c.outcomes[i]
	if i < c.heads {
		// A kustomization that renders nothing is no other kustomization. What it had is gone.
		_, unrendered := outcome.Source.(render.Unrendered)
		return c.isSkipped(i) && (unrendered || outcome.Source.ID().Kind != render.Kustomize)
	}
	return outcome.Err != nil || c.isSkipped(i)
}

// newlySkipped returns the source that the head skips for an object that declares a source of the base; nil if there is
// none, or if the base skips it as well.
func (c *comparison) newlySkipped(source render.Source) *render.Unrendered {
	is, ok := source.(*declared.Source)
	if !ok {
		return nil
	}
	for _, other := range c.all {
		skipped, ok := other.(render.Unrendered)
		if ok && skipped.Skip != nil && skipped.As.Path == is.Path && c.base[skipped.As] == nil {
			return &skipped
		}
	}
	return nil
}

// missing returns the containers of a source that the head does not render any more although they are still there.
// before are the containers in the base, if they had to be rendered.
func (c *comparison) missing(i int, before []container) []container {
	source, now := c.outcomes[i].Source, c.scan.checked[i].Held
	var missing []container
	switch {
	case i < c.heads:
		missing = without(before, now)
	case before != nil:
		missing = before
	case c.former[i-c.heads].base:
		missing = now
	}
	if _, isDeclared := source.(*declared.Source); isDeclared || len(missing) == 0 {
		return missing
	}
	// The values of a chart decide which containers it has, and a file that is no manifest any more has become a
	// template. Otherwise, each container must be deployed.
	one := source.ID().Kind == render.Helm || before != nil
	names := definers(c.head.tree, source)
	for _, taker := range c.takers(i, names) {
		left := slices.DeleteFunc(slices.Clone(missing), func(m container) bool {
			return slices.ContainsFunc(c.scan.checked[taker].Held, func(d container) bool {
				return m.isIn(d, c.outcomes[taker].Source.ID().Kind, source.ID(), names, one)
			})
		})
		if one && len(left) < len(missing) {
			return nil
		}
		missing = left
	}
	if len(missing) > 0 && c.isTakenLocally(names) {
		return nil
	}
	return missing
}

// isTakenLocally reports whether a source that is neither in the base nor in the change may be rendered from all of some
// files: a source of the working tree that git is told to leave out in another place than .gitignore.
func (c *comparison) isTakenLocally(names []string) bool {
	if c.local == nil {
		c.local = []*render.Reach{}
		for _, source := range c.all {
			if c.base[source.ID()] == nil && !c.mayAffect(c.head.tree, source) {
				c.local = append(c.local, source.Reach(c.head.tree))
			}
		}
	}
	return slices.ContainsFunc(c.local, func(reach *render.Reach) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !reach.Has(name) })
	})
}

// isIn reports whether a container of a former source can be a container that another source deploys. A chart names the
// template of each container. A kustomization does not: it can add to the names of objects, and all names of a chart
// can change with its release, so that for one the kind of the object must do.
func (m container) isIn(deployed container, by render.Kind, former render.ID, names []string, one bool) bool {
	switch {
	case by != render.Kustomize && former.Kind == render.Helm:
		return former.Path == "." || strings.HasPrefix(deployed.Document, former.Path+"/")
	case by != render.Kustomize && former.Kind == render.Raw:
		own := m.Kind == deployed.Kind && m.Container == deployed.Container && m.Name == deployed.Name // by .Files.Get
		return own || slices.Contains(names, deployed.Document)
	case one:
		return m.Kind == deployed.Kind || m == unknown[0]
	}
	return m.Kind == deployed.Kind && m.Container == deployed.Container && strings.Contains(deployed.Name, m.Name)
}

// takers returns the sources of the head that read all of some files, by their indexes. For a former source it leaves
// out sources that did so in the base, such as a chart that also uses the former source as a subchart.
func (c *comparison) takers(i int, names []string) []int {
	followed := make([]string, len(names))
	for n, name := range names {
		followed[n] = tree.Follow(c.head.tree, name)
	}
	var takers []int
	for t, outcome := range c.outcomes[:c.heads] {
		notRead := func(name string) bool {
			_, read := slices.BinarySearch(outcome.Reads, name)
			return !read
		}
		if t == i || outcome.Err != nil || slices.ContainsFunc(followed, notRead) {
			continue
		}
		id := outcome.Source.ID()
		if before := c.base[id]; i >= c.heads && before != nil && id.Path != c.outcomes[i].Source.ID().Path {
			reach := before.Reach(c.Base)
			if !slices.ContainsFunc(names, func(name string) bool { return !reach.Has(c.oldName(name)) }) {
				continue
			}
		}
		takers = append(takers, t)
	}
	return takers
}

// failure returns the failure for a lost source, at the file that hides it.
func (c *comparison) failure(i int, missing []container) check.Failure {
	id := c.outcomes[i].Source.ID()
	what := fmt.Sprintf("%d containers", len(missing))
	switch {
	case missing[0] == unknown[0]:
		what = "a source that cannot be rendered"
	case len(missing) == 1:
		what = "1 container"
	}
	at, reason := c.culprit(i, missing)
	skipped := c.newlySkipped(c.outcomes[i].Source)
	return check.Failure{
		Source: id.Path, Environment: id.Environment, Location: yamldoc.Location{Path: at}, Lost: true,
		Downloaded: c.outcomes[i].Downloaded || c.downloaded[i] || skipped != nil && skipped.Downloaded,
		Message:    fmt.Sprintf("this takes %s out of the check: %s", what, reason),
		Hint:       "delete what nothing deploys any more, or let a source use it",
	}
}

// culprit returns the file that hides a lost source, and how.
func (c *comparison) culprit(i int, missing []container) (at, reason string) {
	outcome := c.outcomes[i]
	names := definers(c.head.tree, outcome.Source)
	if is, ok := outcome.Source.(*declared.Source); ok {
		names = []string{is.Path}
		if skipped := c.newlySkipped(is); skipped != nil {
			return is.Path, skipped.Skip.Reason
		}
	}
	at = outcome.Source.ID().Path
	if len(names) > 0 {
		at = names[len(names)-1]
	}
	switch rest := c.scan.checked[i].Rest; {
	case i < c.heads && rest != nil:
		return at, rest.Reason
	case i < c.heads:
		return at, outcome.Skip.Reason
	}
	if file := c.ignoreFile(at); file != "" {
		return file, at + " is ignored, although git tracks it"
	}
	if takers := c.takers(i, names); len(names) > 0 && len(takers) > 0 {
		taker := c.outcomes[takers[0]].Source
		first := missing[0]
		return definer(c.head.tree, taker), fmt.Sprintf(
			"%s reads %s, and does not deploy the %s %s", taker.ID(), at, first.Kind, first.Name)
	}
	if file := c.above(at); file != "" {
		return file, "it does not use " + at + ", which is in its directory"
	}
	if outcome.Err != nil {
		return at, outcome.Err.Error()
	}
	return at, "no source uses it any more"
}

// definer returns the file that makes a source, for a message.
func definer(fsys fs.FS, source render.Source) string {
	if is, ok := source.(*declared.Source); ok {
		return is.Path
	}
	if names := definers(fsys, source); len(names) > 0 {
		return names[0]
	}
	return source.ID().Path
}

// ignoreFile returns the .gitignore file that makes a file ignored: the nearest above the file that the change touches,
// or else the nearest of all. It returns "" if the file is not ignored.
func (c *comparison) ignoreFile(name string) string {
	if tree.IsTracked(c.head.tree, name) {
		return ""
	}
	nearest, touched := "", ""
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		file := path.Join(dir, ".gitignore")
		if tree.IsFile(c.head.tree, file) {
			nearest = cmp.Or(nearest, file)
			if _, changed := c.Files.Find(file); changed {
				touched = cmp.Or(touched, file)
			}
		}
		if dir == "." {
			return cmp.Or(touched, nearest)
		}
	}
}

// above returns the kustomization file in the directory of a file, or the Chart.yaml in a directory above, that the
// change touches; "" if the change touches no such file.
func (c *comparison) above(name string) string {
	if file, ok := kustomize.FindFile(c.head.tree, path.Dir(name)); ok && file != name {
		if _, changed := c.Files.Find(file); changed {
			return file
		}
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		file := path.Join(dir, "Chart.yaml")
		if _, changed := c.Files.Find(file); changed && file != name {
			return file
		}
		if dir == "." {
			return ""
		}
	}
}
