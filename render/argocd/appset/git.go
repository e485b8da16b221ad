package appset

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"github.com/pullcheck/pullcheck/render/tree"
	"sigs.k8s.io/yaml"
)

type gitGenerator struct {
	RepoURL         string            `json:"repoURL"`
	Directories     []gitItem         `json:"directories"`
	Files           []gitItem         `json:"files"`
	PathParamPrefix string            `json:"pathParamPrefix"`
	Values          map[string]string `json:"values"`
	Template        map[string]any    `json:"template"`
}

// gitItem is a pattern for directories or files. Exclude takes away what other items match, whatever their order.
type gitItem struct {
	Path    string `json:"path"`
	Exclude bool   `json:"exclude"`
}

// git returns a parameter set for each directory that matches or, for a generator without directories, for each object
// in each file that matches (applicationset/generators/git.go). field is the field path of the generator.
func (e *expansion) git(field string, g gitGenerator) ([]map[string]any, error) {
	switch {
	case len(g.Directories) == 0 && len(g.Files) == 0:
		return nil, fmt.Errorf("%s: found neither directories nor files, where Argo CD accepts one of them", field)
	case !e.isThisRepository(g.RepoURL):
		reason := fmt.Sprintf("the git generator reads %s, which is another repository", g.RepoURL)
		return nil, &offlineError{field, reason}
	}
	if err := e.scan(); err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	if len(g.Directories) > 0 {
		return e.gitDirectories(field, g)
	}
	return e.gitFiles(field, g)
}

func (e *expansion) gitDirectories(field string, g gitGenerator) ([]map[string]any, error) {
	var sets []map[string]any
	for _, dir := range e.directories {
		included, excluded := false, false
		for i, item := range g.Directories {
			matched, err := path.Match(item.Path, dir)
			if err != nil {
				return nil, fmt.Errorf("%s.directories[%d].path: found %q, where Argo CD accepts a pattern of Go's path.Match: %w",
					field, i, item.Path, err)
			}
			included = included || matched && !item.Exclude
			excluded = excluded || matched && item.Exclude
		}
		if !included || excluded {
			continue
		}
		set, err := e.gitParameters(field, g, nil, dir, "")
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func (e *expansion) gitFiles(field string, g gitGenerator) ([]map[string]any, error) {
	files, err := e.matchFiles(field, g.Files)
	if err != nil {
		return nil, err
	}
	var sets []map[string]any
	for _, file := range files {
		objects, err := e.objects(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		for _, object := range objects {
			set, err := e.gitParameters(field, g, object, path.Dir(file), path.Base(file))
			if err != nil {
				return nil, err
			}
			sets = append(sets, set)
		}
	}
	return sets, nil
}

// matchFiles returns the files that an including pattern matches and no excluding one, sorted.
func (e *expansion) matchFiles(field string, items []gitItem) ([]string, error) {
	included, excluded := map[string]bool{}, map[string]bool{}
	for i, item := range items {
		matches, err := pathspec(item.Path)
		if err != nil {
			return nil, fmt.Errorf("%s.files[%d].path: found %q, where Argo CD accepts a pathspec of git: %w",
				field, i, item.Path, err)
		}
		matched := included
		if item.Exclude {
			matched = excluded
		}
		for _, file := range e.files {
			matched[file] = matched[file] || matches(file)
		}
	}
	files := slices.DeleteFunc(slices.Clone(e.files), func(file string) bool { return !included[file] || excluded[file] })
	slices.Sort(files)
	return files, nil
}

// gitParameters returns the parameters of the directory dir, or of an object in the file dir/file; file is then not
// empty. With goTemplate they are the fields of the object and the mapping path. Without it they are flat: the file
// apps/a/config.yaml with {size: {cpu: 1}} gives size.cpu, path, path[0], path[1], path.basename, path.filename and so
// on.
func (e *expansion) gitParameters(
	field string, g gitGenerator, object map[string]any, dir, file string,
) (map[string]any, error) {
	pathInfo := map[string]any{
		"path": dir, "basename": path.Base(dir), "basenameNormalized": sanitizeName(path.Base(dir)),
	}
	if file != "" {
		pathInfo["filename"], pathInfo["filenameNormalized"] = file, sanitizeName(file)
	}
	segments := strings.Split(dir, "/")
	set := map[string]any{}
	if e.goTemplate() {
		maps.Copy(set, object)
		pathInfo["segments"] = segments
		if g.PathParamPrefix == "" {
			set["path"] = pathInfo
		} else {
			set[g.PathParamPrefix] = map[string]any{"path": pathInfo}
		}
		return set, e.addValues(field, g.Values, set)
	}
	for name, text := range flatParameters(object) {
		set[name] = text
	}
	name := strings.TrimPrefix(g.PathParamPrefix+".path", ".")
	for key, value := range pathInfo {
		if key != "path" {
			set[name+"."+key] = value
		}
	}
	set[name] = dir
	for i, segment := range segments {
		set[name+"["+strconv.Itoa(i)+"]"] = segment
	}
	return set, e.addValues(field, g.Values, set)
}

// addValues adds the values of a git generator to a parameter set. They can name the other parameters of the set, but
// not each other (applicationset/generators/value_interpolation.go).
func (e *expansion) addValues(field string, values map[string]string, set map[string]any) error {
	texts := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		text, err := e.renderString(field+".values."+key, values[key], set)
		if err != nil {
			return err
		}
		texts[key] = text
	}
	if e.goTemplate() && len(texts) > 0 {
		set["values"] = texts
		return nil
	}
	for key, text := range texts {
		set["values."+key] = text
	}
	return nil
}

// repository has the files and directories of a tree that git keeps: no empty directories, nothing that .gitignore
// ignores.
type repository struct {
	tree    fs.FS
	scanned bool
	files   []string // in the order of fs.WalkDir
	// directories has no hidden ones (reposerver/repository/repository.go, GetGitDirectories), in the order of
	// fs.WalkDir.
	directories []string
}

// scan finds the files and directories, once.
func (r *repository) scan() error {
	if r.scanned {
		return nil
	}
	r.scanned = true
	return r.walk(".", nil, false)
}

// walk scans a directory. ignored are the .gitignore patterns of the directories above; hidden is true below a hidden
// one.
func (r *repository) walk(dir string, ignored []gitignore.Pattern, hidden bool) error {
	entries, err := fs.ReadDir(r.tree, dir)
	if err != nil {
		return err
	}
	ignored = append(slices.Clip(ignored), tree.IgnorePatterns(r.tree, dir)...)
	matcher := gitignore.NewMatcher(ignored)
	files, directories := len(r.files), len(r.directories)
	hidden = hidden || dir != "." && strings.HasPrefix(path.Base(dir), ".")
	if dir != "." && !hidden {
		r.directories = append(r.directories, dir)
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case entry.Name() == ".git" || matcher.Match(strings.Split(name, "/"), entry.IsDir()):
		case !entry.IsDir():
			r.files = append(r.files, name)
		default:
			if err := r.walk(name, ignored, hidden); err != nil {
				return err
			}
		}
	}
	if len(r.files) == files {
		r.directories = r.directories[:directories]
	}
	return nil
}

// objects returns the mappings in a file of a git generator, in YAML or JSON: one mapping, or a list of mappings. An
// empty file has one mapping, nil.
func (r *repository) objects(file string) ([]map[string]any, error) {
	data, err := fs.ReadFile(r.tree, file)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if yaml.Unmarshal(data, &object) == nil {
		return []map[string]any{object}, nil
	}
	var objects []map[string]any
	if err := yaml.Unmarshal(data, &objects); err != nil {
		return nil, fmt.Errorf("%s: found neither a mapping nor a list of mappings in YAML or JSON: %w", file, err)
	}
	return objects, nil
}
