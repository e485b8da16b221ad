package scan

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Baseline is the other side of a comparison: the revision where a change began, and what the change did to its files.
type Baseline struct {
	// Base has the files before the change.
	Base *git.Revision
	// Files are the files that the change added, removed, renamed or edited.
	Files git.Files
	// DistrustComments makes ignore comments count for nothing where the change itself has written them.
	DistrustComments bool
}

// Since returns the baseline of a working tree for a revision: the merge base of HEAD and the revision, with everything
// that differs since, committed or not. dir is a directory of the working tree, and env the environment of git. The caller
// closes Base.
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

// affected returns the sources that the change can affect. Standard input always counts.
func (b *Baseline) affected(fsys fs.FS, sources []render.Source) []render.Source {
	return slices.DeleteFunc(slices.Clone(sources), func(source render.Source) bool {
		if source.ID().Path == stdinPath {
			return false
		}
		reach := source.Reach(fsys)
		return !slices.ContainsFunc(b.Files, func(file git.File) bool {
			return reach.Has(file.Path) || file.OldPath != "" && reach.Has(file.OldPath)
		})
	})
}

// stdinPath is the path of a source that comes over standard input.
const stdinPath = "-"

// subtract returns the hits that the base does not have. The base renders the sources with hits; if it cannot render a
// source, all hits of the source are new. A hit is also new if the base suppressed it by a comment that the change
// removes.
func (b *Baseline) subtract(ctx context.Context, s *scan, hits []check.Hit) []check.Hit {
	withHits := map[render.ID]bool{}
	for _, hit := range hits {
		withHits[hit.Ref.Source] = true
	}
	var sources []render.Source
	for _, source := range s.sources {
		if withHits[source.ID()] && source.ID().Path != stdinPath {
			sources = append(sources, source.Renamed(b.oldName))
		}
	}
	reports := make([]*check.Report, len(sources))
	removesComments := b.removesComments()
	render.All(ctx, b.Base, sources, s.options.Jobs, func(i int, result *render.Result) error {
		manifests, err := result.Manifests(check.MayHoldContainers)
		if err != nil {
			return err
		}
		found, _ := check.Run(sources[i], manifests)
		if removesComments {
			traceHits(ctx, render.In{Tree: b.Base}, sources[i], found)
		}
		reports[i] = check.NewReport(found, nil, nil)
		return nil
	})
	known := map[identity]bool{}
	for _, report := range reports {
		if report == nil {
			continue
		}
		for _, finding := range report.Findings {
			for _, a := range finding.Affected {
				a.Source = b.newName(a.Source)
				known[identityOf(finding.Rule, a)] = true
			}
		}
	}
	return slices.DeleteFunc(hits, func(hit check.Hit) bool { return known[identityOf(hit.Rule.ID, hit.Affected)] })
}

// removesComments reports whether the change removes or edits a line with an ignore comment.
func (b *Baseline) removesComments() bool {
	return slices.ContainsFunc(b.Files, func(file git.File) bool {
		return slices.ContainsFunc(file.Hunks, func(hunk git.Hunk) bool {
			return slices.ContainsFunc(hunk.Rows, func(row git.Row) bool { return row.New == 0 && strings.Contains(row.Text, "pullcheck") })
		})
	})
}

// exceptions returns the findings of a report that ignore comments of the change suppress. If these are not trusted, the
// findings are no longer suppressed in the report.
func (b *Baseline) exceptions(fsys fs.FS, report *check.Report) []check.Suppression {
	var own []check.Suppression
	kept := []check.Suppression{}
	for _, s := range report.Suppressed {
		if !b.adds(fsys, s.Location) && !b.adds(fsys, s.Finding.Decision) {
			kept = append(kept, s)
			continue
		}
		own = append(own, s)
		if b.DistrustComments {
			report.Findings = append(report.Findings, s.Finding)
		} else {
			kept = append(kept, s)
		}
	}
	report.Suppressed = kept
	slices.SortStableFunc(report.Findings, func(a, b check.Finding) int {
		return cmp.Or(strings.Compare(a.Decision.Path, b.Decision.Path), cmp.Compare(a.Decision.Line, b.Decision.Line),
			cmp.Compare(a.Decision.Column, b.Decision.Column))
	})
	return own
}

// adds reports whether the change adds the line of a location. In a file without a diff, as .gitattributes can make it, and
// behind a new symbolic link, any line may be new.
func (b *Baseline) adds(fsys fs.FS, at yamldoc.Location) bool {
	file, ok := b.Files.Find(tree.Follow(fsys, at.Path))
	return ok && (file.Adds(at.Line) || file.Status == git.Added || file.Status == git.TypeChanged || file.Binary)
}

// identity names a container that breaks a rule, in the base and in the head. A container with another policy has another
// identity, because the change has decided the policy.
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

// renamed returns the other name of a file that was renamed. The directory of a chart or kustomization counts as renamed if
// its Chart.yaml or kustomization file was.
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
