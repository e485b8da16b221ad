package scan

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Baseline is the other side of a comparison: the tree before a change, and the files that the change touches. For a
// pull request, the tree is that of the merge base.
type Baseline struct {
	// Base is the tree before the change.
	Base *git.Revision
	// Files are the files that the change adds, deletes, renames or edits.
	Files git.Files
	// DistrustComments makes ignore comments that the change itself adds suppress nothing. It is for pull requests from
	// forks, whose author could otherwise switch the check off.
	DistrustComments bool
	// Paths are the paths of the tree that are checked; nil for the whole tree.
	Paths []string
}

// Since returns the baseline for everything that changed in a working tree since it left the branch of a revision:
// Base is the merge base of HEAD and the revision, and Files are the differences to the working tree, committed or
// not. dir is a directory of the working tree, and env the environment for git. The caller must close Base.
func Since(ctx context.Context, dir, revision string, env []string) (*Baseline, error) {
	repository, err := git.Open(ctx, dir, env)
	if err != nil {
		return nil, err
	}
	commit, err := repository.MergeBase(ctx, revision, "HEAD")
	if err != nil {
		return nil, err
	}
	files, err := repository.DiffWorkingTree(ctx, commit)
	if err != nil {
		return nil, err
	}
	base, err := repository.Revision(ctx, commit)
	if err != nil {
		return nil, err
	}
	return &Baseline{Base: base, Files: files}, nil
}

// affected returns the sources that may read a changed file, under its old or its new name. Standard input is always
// affected, because git knows nothing about it.
func (b *Baseline) affected(fsys fs.FS, sources []render.Source) []render.Source {
	return slices.DeleteFunc(slices.Clone(sources), func(source render.Source) bool {
		return source.ID().Path != stdinPath && !b.mayAffect(fsys, source)
	})
}

// mayAffect reports whether a source may read a changed file, or a file of a changed submodule.
func (b *Baseline) mayAffect(fsys fs.FS, source render.Source) bool {
	reach := source.Reach(fsys)
	return slices.ContainsFunc(b.Files, func(file git.File) bool {
		return reach.Has(file.Path) || file.OldPath != "" && reach.Has(file.OldPath) ||
			file.Submodule && reach.HasBelow(file.Path)
	})
}

// stdinPath is the path of the source that is read from standard input.
const stdinPath = "-"

// subtract returns the hits that the base does not have, and the containers that ignore comments of the base keep. It
// renders in the base only the sources with hits. If a source cannot be rendered in the base, all its hits are new. A
// hit is also new if a comment suppressed it in the base and the change removes the comment. The hits of the base are
// only traced if a comment matters, because that costs more renders: if the change removes a comment, and in sources
// with suppressions.
func (b *Baseline) subtract(
	ctx context.Context, s *scan, hits []check.Hit, suppressions []check.Suppression,
) (fresh []check.Hit, kept map[exception]bool) {
	withHits, suppressed := map[render.ID]bool{}, map[string]bool{}
	for _, hit := range hits {
		withHits[hit.Ref.Source] = true
	}
	for _, suppression := range suppressions {
		for _, a := range suppression.Finding.Affected {
			suppressed[a.Source] = true
		}
	}
	removesComments := b.removesComments()
	var sources []render.Source
	for _, source := range s.sources {
		if withHits[source.ID()] && source.ID().Path != stdinPath {
			sources = append(sources, source.Renamed(b.oldName))
		}
	}
	known := map[identity]int{}
	withImage := map[runningImage]int{}
	kept = map[exception]bool{}
	traces := func(source render.Source) bool { return removesComments || suppressed[b.newName(source.ID().Path)] }
	for _, report := range b.reports(ctx, sources, s.options.Jobs, traces) {
		if report == nil {
			continue
		}
		for _, finding := range report.Findings {
			for _, hit := range finding.Hits {
				hit.Affected.Source = b.newName(hit.Affected.Source)
				id := identityOf(finding.Rule, hit.Affected)
				known[id]++
				withImage[runningImage{id, hit.Affected.Image}]++
			}
		}
		for _, suppression := range report.Suppressed {
			finding := suppression.Finding
			for _, a := range finding.Affected {
				a.Source = b.newName(a.Source)
				kept[exceptionOf(finding.Rule, a, b.newName(finding.Decision.Path))] = true
			}
		}
	}
	// Each hit of the base makes one hit of the head old: an object can have many containers of one name, and a new one
	// must not pass for an old one. The hits with the same image come first.
	hits = slices.DeleteFunc(hits, func(hit check.Hit) bool {
		id := identityOf(hit.Rule.ID, hit.Affected)
		running := runningImage{id, hit.Affected.Image}
		if withImage[running] == 0 {
			return false
		}
		withImage[running]--
		known[id]--
		return true
	})
	fresh = slices.DeleteFunc(hits, func(hit check.Hit) bool {
		id := identityOf(hit.Rule.ID, hit.Affected)
		known[id]--
		return known[id] >= 0
	})
	return fresh, kept
}

// runningImage is the identity of a container with its image, which tells containers of one name apart.
type runningImage struct {
	identity
	image string
}

// reports renders and checks sources in the base, and traces the hits of a source if traces is true for it. The report
// of a source that cannot be rendered there is nil.
func (b *Baseline) reports(
	ctx context.Context, sources []render.Source, jobs int, traces func(render.Source) bool,
) []*check.Report {
	visit := func(ctx context.Context, i int, result *render.Result) ([]check.Hit, error) {
		manifests, err := result.Manifests(check.MayHoldContainers)
		if err != nil {
			return nil, err
		}
		hits, _ := check.Run(sources[i], manifests)
		if traces(sources[i]) {
			traceHits(ctx, b.Base, sources[i], hits)
			return hits, nil
		}
		for i := range hits {
			hits[i].Decide(hits[i].Decision, nil, false)
		}
		return hits, nil
	}
	outcomes, hits := render.All(ctx, b.Base, sources, render.AllOptions{Jobs: jobs, Prefix: "base: ", Keep: true}, visit)
	reports := make([]*check.Report, len(sources))
	for i, outcome := range outcomes {
		if outcome.Err == nil {
			reports[i] = check.NewReport(hits[i], nil, nil)
		}
	}
	return reports
}

// removesComments reports whether the change removes or edits a line that may have an ignore comment.
func (b *Baseline) removesComments() bool {
	hadComment := func(row git.Row) bool { return row.New == 0 && strings.Contains(row.Text, "pullcheck") }
	return slices.ContainsFunc(b.Files, func(file git.File) bool {
		return slices.ContainsFunc(file.Hunks, func(hunk git.Hunk) bool { return slices.ContainsFunc(hunk.Rows, hadComment) })
	})
}

// suppressedByChange returns the findings of a report that the change suppresses: because it adds the ignore comment,
// or the line of the decision below an older comment, or because an older comment now covers containers that comments
// of the base do not keep. Of such an older comment, only these containers count. With DistrustComments, what the
// change suppresses is moved back from the report's suppressed findings to its findings.
func (b *Baseline) suppressedByChange(fsys fs.FS, report *check.Report, kept map[exception]bool) []check.Suppression {
	var byChange []check.Suppression
	suppressed := []check.Suppression{}
	for _, s := range report.Suppressed {
		isKept := func(a check.Affected) bool { return kept[exceptionOf(s.Finding.Rule, a, s.Finding.Decision.Path)] }
		own, older := s, check.Suppression{}
		if !b.adds(fsys, s.Location) && !b.adds(fsys, s.Finding.Decision) {
			older = s
			older.Finding = s.Finding.Where(isKept)
			own.Finding = s.Finding.Where(func(a check.Affected) bool { return !isKept(a) })
		}
		if len(own.Finding.Affected) == 0 {
			suppressed = append(suppressed, s)
			continue
		}
		byChange = append(byChange, own)
		if !b.DistrustComments {
			suppressed = append(suppressed, s)
			continue
		}
		report.Findings = append(report.Findings, own.Finding)
		if len(older.Finding.Affected) > 0 {
			suppressed = append(suppressed, older)
		}
	}
	report.Suppressed = suppressed
	slices.SortStableFunc(report.Findings, func(a, b check.Finding) int {
		return cmp.Or(strings.Compare(a.Decision.Path, b.Decision.Path), cmp.Compare(a.Decision.Line, b.Decision.Line),
			cmp.Compare(a.Decision.Column, b.Decision.Column))
	})
	return byChange
}

// exception is a container that an ignore comment keeps: its identity, its image, and the file of the comment. The
// image has no tag and no digest, because a comment keeps the container also with the next version.
type exception struct {
	identity
	image, path string
}

func exceptionOf(rule string, a check.Affected, path string) exception {
	image := a.Image
	if named, err := reference.ParseNormalizedNamed(image); err == nil {
		image = named.Name()
	}
	return exception{identityOf(rule, a), image, path}
}

// adds reports whether the change adds the line of a location. Every line counts as added in two cases: in a binary
// file, which has no diff (.gitattributes can make any file binary), and behind a symbolic link that the change adds.
func (b *Baseline) adds(fsys fs.FS, at yamldoc.Location) bool {
	file, ok := b.Files.Find(tree.Follow(fsys, at.Path))
	return ok && (file.Adds(at.Line) || file.Status == git.Added || file.Status == git.TypeChanged || file.Binary)
}

// identity names a container that breaks a rule, in the base and in the head. It has no line, because lines move. It
// has the written policy: if the change turns IfNotPresent into Never, the finding is new.
type identity struct {
	rule, source, environment string
	kind, namespace, name     string
	container, written        string
}

func identityOf(rule string, a check.Affected) identity {
	return identity{rule, a.Source, a.Environment, a.Kind, a.Namespace, a.Name, a.Container, a.Written}
}

// oldName returns the name in the base of a file or directory of the head.
func (b *Baseline) oldName(name string) string {
	return b.renamed(name, func(f git.File) (from, to string) { return f.Path, f.OldPath })
}

// newName returns the name in the head of a file or directory of the base.
func (b *Baseline) newName(name string) string {
	return b.renamed(name, func(f git.File) (from, to string) { return f.OldPath, f.Path })
}

// renamed returns the other name of a file or directory that the change renames, and the same name otherwise. Git
// renames files and no directories: the directory of a chart or kustomization counts as renamed if its Chart.yaml or
// kustomization file is.
func (b *Baseline) renamed(name string, names func(git.File) (from, to string)) string {
	for _, file := range b.Files {
		if file.Status != git.Renamed {
			continue
		}
		from, to := names(file)
		switch {
		case from == name:
			return to
		case path.Dir(from) == name && path.Base(from) == path.Base(to) &&
			(path.Base(from) == "Chart.yaml" || slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(from))):
			return path.Dir(to)
		}
	}
	return name
}
