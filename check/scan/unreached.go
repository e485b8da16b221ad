package scan

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/origin"
	"github.com/pullcheck/pullcheck/render/tree"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// maxInLine is the largest number of unreached policies in one line of a file. JSON can be one line of any length, and
// each policy is looked up in the whole line for an ignore comment.
const maxInLine = 100

// unreached returns the locations below the given directories at which a pull policy other than Always is written, and
// that decide no container of any source. It renders nothing: it scans the files that the renders have read, and those
// beside them (filesBeside), and leaves out the decisions of the hits. A container whose policy is not Always is always
// a hit. Left out are also files of sources that failed, because their render could have reached them, and files that
// the repository does not keep. It returns at most maxFindings, and of one line at most maxInLine.
func (s *scan) unreached(outcomes []render.Outcome, directories []string) []yamldoc.Location {
	known := s.reached(outcomes)
	var found []yamldoc.Location
	for _, name := range s.filesRead(outcomes) {
		if !slices.ContainsFunc(directories, func(dir string) bool { return isBelow(name, dir) }) {
			continue
		}
		data, err := fs.ReadFile(s.tree, name)
		if err != nil || !bytes.Contains(data, []byte(check.IfNotPresent)) && !bytes.Contains(data, []byte(check.Never)) {
			continue
		}
		if !tree.IsTracked(s.tree, name) {
			continue
		}
		inLine := map[int]int{}
		for _, literal := range origin.Literals(name, data, check.IfNotPresent, check.Never) {
			line := literal.Location.Line
			isRoom := len(found) < maxFindings && inLine[line] < maxInLine
			if isRoom && check.WritesPolicy(literal.Value, literal.Location) && !known.has(literal) {
				inLine[line]++
				literal.Location.Tracked = true
				found = append(found, literal.Location)
			}
		}
	}
	return found
}

// isBelow reports whether a file is below a directory of the tree.
func isBelow(name, dir string) bool { return dir == "." || strings.HasPrefix(name, dir+"/") }

// filesRead returns the YAML files, JSON files and templates that the sources have read, and those that stand beside a
// kustomization and that it does not name. It leaves out the files of sources that failed.
func (s *scan) filesRead(outcomes []render.Outcome) []string {
	files, failed := map[string]bool{}, map[string]bool{}
	beside := map[string]bool{} // directories of kustomizations
	for _, outcome := range outcomes {
		if id := outcome.Source.ID(); id.Kind == render.Kustomize {
			beside[id.Path] = true // The source may be a component that nothing uses, and that reads no file.
		}
		for _, name := range outcome.Reads {
			files[name] = true
			failed[name] = failed[name] || outcome.Err != nil
			if slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name)) {
				beside[path.Dir(name)] = true
			}
		}
	}
	for dir := range beside {
		entries, err := fs.ReadDir(s.tree, dir)
		for _, entry := range entries {
			if err == nil && entry.Type().IsRegular() {
				files[path.Join(dir, entry.Name())] = true
			}
		}
	}
	var names []string
	for name := range files {
		isText := slices.Contains([]string{".yaml", ".yml", ".json", ".tpl"}, path.Ext(name))
		if isText && !failed[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// reached says which policies decide a container.
type reached struct {
	decisions map[string][]yamldoc.Location // by file
	// values are policies that may decide a container, by file: a trace could not tell where they come from.
	values map[string][]string
	// via are the lines between a decision and a container, by file, each with the policy of the container. A template may
	// compare a value, and write the policy on such a line as a literal: {{ if eq .Values.p "Never" }}Never{{ end }}.
	via map[string][]viaLine
}

type viaLine struct {
	line   int
	policy string
}

// reached returns the policies that decide a container of a source.
func (s *scan) reached(outcomes []render.Outcome) reached {
	r := reached{map[string][]yamldoc.Location{}, map[string][]string{}, map[string][]viaLine{}}
	for i, outcome := range outcomes {
		for _, hit := range s.checked[i].Hits {
			policy := hit.Affected.Written
			r.decisions[hit.Decision.Path] = append(r.decisions[hit.Decision.Path], hit.Decision)
			for _, via := range hit.Via {
				r.via[via.Path] = append(r.via[via.Path], viaLine{via.Line, policy})
			}
			if hit.Exact {
				continue
			}
			for _, name := range outcome.Reads {
				if !slices.Contains(r.values[name], policy) {
					r.values[name] = append(r.values[name], policy)
				}
			}
		}
	}
	return r
}

// has reports whether a literal decides a container, or may decide one.
func (r reached) has(literal origin.Literal) bool {
	at := literal.Location
	decides := func(decision yamldoc.Location) bool {
		return decision.Line == at.Line && decision.Column < at.EndColumn &&
			(at.Column < decision.EndColumn || decision.Line < decision.EndLine)
	}
	return slices.ContainsFunc(r.decisions[at.Path], decides) ||
		slices.Contains(r.values[at.Path], literal.Value) ||
		slices.Contains(r.via[at.Path], viaLine{at.Line, literal.Value})
}
