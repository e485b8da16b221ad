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
	decisions map[line][]yamldoc.Location
	// via are the lines between a decision and a container, with the policy of the container. A template may compare a
	// value, and write the policy on such a line as a literal: {{ if eq .Values.p "Never" }}Never{{ end }}.
	via map[written]bool
	// values are policies that may decide a container, in any line of a file: a trace could not tell where they come from.
	values map[written]bool
}

// line is a line of a file.
type line struct {
	path   string
	number int
}

// written is a policy in a line. The number of the line is 0 if it may be any line of the file.
type written struct {
	line
	policy string
}

// lineOf returns the line in which a location begins.
func lineOf(at yamldoc.Location) line { return line{at.Path, at.Line} }

// reached returns the policies that decide a container of a source.
func (s *scan) reached(outcomes []render.Outcome) reached {
	r := reached{map[line][]yamldoc.Location{}, map[written]bool{}, map[written]bool{}}
	for i, outcome := range outcomes {
		inexact := map[string]bool{} // policies
		for _, hit := range s.checked[i].Hits {
			policy, at := hit.Affected.Written, lineOf(hit.Decision)
			r.decisions[at] = append(r.decisions[at], hit.Decision)
			for _, via := range hit.Via {
				r.via[written{lineOf(via), policy}] = true
			}
			if !hit.Exact {
				inexact[policy] = true
			}
		}
		for policy := range inexact {
			for _, name := range outcome.Reads {
				r.values[written{line{name, 0}, policy}] = true
			}
		}
	}
	return r
}

// has reports whether a literal decides a container, or may decide one.
func (r reached) has(literal origin.Literal) bool {
	at := literal.Location
	decides := func(decision yamldoc.Location) bool {
		return decision.Column < at.EndColumn && (at.Column < decision.EndColumn || decision.Line < decision.EndLine)
	}
	return slices.ContainsFunc(r.decisions[lineOf(at)], decides) ||
		r.via[written{lineOf(at), literal.Value}] || r.values[written{line{at.Path, 0}, literal.Value}]
}
