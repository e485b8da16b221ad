package main

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/internal/git"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// since is what a revision says of the working tree: which files are different, and what was found before.
type since struct {
	base  *git.Revision // where the working tree and the revision parted
	files git.Files
	// unaffected counts the sources that are not rendered, and findings those there are in the others, before only what is new
	// of them is reported.
	unaffected, findings int
	// examine, if there is one, is given the report before fixes are proven.
	examine func(*check.Report)
}

// openSince compares the working tree with where it parted from a revision.
func openSince(ctx context.Context, tree *workTree, revision string) (*since, error) {
	repository, err := git.Open(ctx, tree.root, os.Environ())
	if err != nil {
		return nil, sinceError(err)
	}
	commit, err := repository.MergeBase(ctx, revision, "HEAD")
	if err != nil {
		return nil, sinceError(err)
	}
	files, err := repository.DiffWorkingTree(ctx, commit)
	if err != nil {
		return nil, sinceError(err)
	}
	base, err := repository.Revision(ctx, commit)
	if err != nil {
		return nil, sinceError(err)
	}
	return &since{base: base, files: files}, nil
}

func sinceError(err error) error {
	hint := ""
	if failure := (*yamldoc.Error)(nil); errors.As(err, &failure) {
		hint = failure.Hint
	}
	return usagef(hint, "--since: %w", err)
}

// affected are the sources that the change can make a difference for. What does not come from the tree always is.
func (s *since) affected(tree *workTree, sources []render.Source) []render.Source {
	return slices.DeleteFunc(slices.Clone(sources), func(source render.Source) bool {
		if source.Path == "-" {
			return false
		}
		reach := render.ReachOf(tree.files, source)
		return !slices.ContainsFunc(s.files, func(file git.File) bool {
			return reach.Has(file.Path) || file.OldPath != "" && reach.Has(file.OldPath)
		})
	})
}

// fresh are the hits that the base does not have: of their sources the base is rendered, too. Where it cannot be, all
// are fresh. What a comment that the change takes away has kept out of the report is fresh, too.
func (s *since) fresh(ctx context.Context, engines map[render.Kind]render.Engine, sources []render.Source, hits []check.Hit, jobs int) []check.Hit {
	wanted := map[render.SourceID]bool{}
	for _, hit := range hits {
		wanted[hit.Place.Source] = true
	}
	var before []render.Source
	for _, source := range sources {
		if wanted[source.ID()] && source.Path != "-" {
			before = append(before, s.before(source))
		}
	}
	known := make([]*check.Report, len(before))
	unkept := s.takesCommentsAway()
	render.All(ctx, s.base, engines, before, jobs, func(i int, result *render.Result) error {
		manifests, err := result.Manifests(check.MayHoldContainers)
		if err != nil {
			return err
		}
		found, _ := check.Run(before[i], manifests)
		if unkept {
			decide(ctx, s.base, engines, before[i], found)
		}
		known[i] = check.NewReport(found, nil, nil)
		return nil
	})
	old := map[identity]bool{}
	for _, report := range known {
		if report == nil {
			continue
		}
		for _, finding := range report.Findings {
			for _, a := range finding.Affected {
				a.Source = s.renamed(a.Source, func(f git.File) (string, string) { return f.OldPath, f.Path })
				old[identityOf(finding.Rule, a)] = true
			}
		}
	}
	return slices.DeleteFunc(hits, func(hit check.Hit) bool { return old[identityOf(hit.Rule.ID, hit.Affected)] })
}

// takesCommentsAway reports whether a line with a comment that keeps findings is changed or gone.
func (s *since) takesCommentsAway() bool {
	return slices.ContainsFunc(s.files, func(file git.File) bool {
		return slices.ContainsFunc(file.Hunks, func(hunk git.Hunk) bool {
			return slices.ContainsFunc(hunk.Rows, func(row git.Row) bool { return row.New == 0 && strings.Contains(row.Text, "pullcheck") })
		})
	})
}

// before is a source as the base has it, by the names that its files had there.
func (s *since) before(source render.Source) render.Source {
	name := func(name string) string {
		return s.renamed(name, func(f git.File) (string, string) { return f.Path, f.OldPath })
	}
	source.Path = name(source.Path)
	if source.Declared != nil {
		declared := *source.Declared
		declared.Path = name(declared.Path)
		source.Declared = &declared
	}
	files := func(files []render.File) []render.File {
		files = slices.Clone(files)
		for i := range files {
			if files[i].Data == nil {
				files[i].Path = name(files[i].Path)
			}
		}
		return files
	}
	source.Files, source.Helm.ValuesFiles = files(source.Files), files(source.Helm.ValuesFiles)
	return source
}

// identity is what names a container that breaks a rule, in the base and in the working tree. With another policy,
// the change has decided it.
type identity struct {
	rule, source, environment string
	kind, namespace, name     string
	container, written        string
}

func identityOf(rule string, a check.Affected) identity {
	return identity{rule, a.Source, a.Environment, a.Kind, a.Namespace, a.Name, a.Container, a.Written}
}

// renamed finds another name for a file that was renamed, or for the directory of a chart or kustomization of which
// the file that makes it one was.
func (s *since) renamed(name string, names func(git.File) (from, to string)) string {
	for _, file := range s.files {
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
