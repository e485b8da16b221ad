package argocd

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
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

type gitItem struct {
	Path    string `json:"path"`
	Exclude bool   `json:"exclude"`
}

// git gives one set of parameters for each directory that matches, or else one for each object in a file that matches
// (applicationset/generators/git.go).
func (e *expansion) git(at string, g gitGenerator) ([]map[string]any, error) {
	switch {
	case len(g.Directories) == 0 && len(g.Files) == 0:
		return nil, fmt.Errorf("%s: found neither directories nor files, where Argo CD accepts one of them", at)
	case !e.ours(g.RepoURL):
		return nil, &unavailableError{at, fmt.Sprintf("the git generator reads %s, which is another repository", g.RepoURL)}
	case len(g.Directories) > 0:
		return e.gitDirectories(at, g)
	}
	return e.gitFiles(at, g)
}

func (e *expansion) gitDirectories(at string, g gitGenerator) ([]map[string]any, error) {
	if err := e.scan(); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	var sets []map[string]any
	for _, dir := range e.directories {
		included, excluded := false, false
		for i, item := range g.Directories {
			matched, err := path.Match(item.Path, dir)
			if err != nil {
				return nil, fmt.Errorf("%s.directories[%d].path: found %q, where Argo CD accepts a pattern of Go's path.Match: %w", at, i, item.Path, err)
			}
			included = included || matched && !item.Exclude
			excluded = excluded || matched && item.Exclude
		}
		if !included || excluded {
			continue
		}
		set, err := e.gitParameters(at, g, nil, dir, "")
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func (e *expansion) gitFiles(at string, g gitGenerator) ([]map[string]any, error) {
	if err := e.scan(); err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	matched := map[string]bool{}
	for _, exclude := range []bool{false, true} {
		for i, item := range g.Files {
			if item.Exclude != exclude {
				continue
			}
			matches, err := pathspec(item.Path)
			if err != nil {
				return nil, fmt.Errorf("%s.files[%d].path: found %q, where Argo CD accepts a pathspec of git: %w", at, i, item.Path, err)
			}
			for _, file := range e.files {
				if matches(file) {
					matched[file] = !exclude
				}
			}
		}
	}
	var sets []map[string]any
	for _, file := range slices.Sorted(maps.Keys(matched)) {
		if !matched[file] {
			continue
		}
		objects, err := e.objects(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		for _, object := range objects {
			set, err := e.gitParameters(at, g, object, path.Dir(file), path.Base(file))
			if err != nil {
				return nil, err
			}
			sets = append(sets, set)
		}
	}
	return sets, nil
}

// gitParameters are the parameters of a directory, or of an object in a file.
func (e *expansion) gitParameters(at string, g gitGenerator, object map[string]any, dir, file string) (map[string]any, error) {
	about := map[string]any{"path": dir, "basename": path.Base(dir), "basenameNormalized": sanitizeName(path.Base(dir))}
	if file != "" {
		about["filename"], about["filenameNormalized"] = file, sanitizeName(file)
	}
	segments := strings.Split(dir, "/")
	set := map[string]any{}
	if e.goTemplate() {
		maps.Copy(set, object)
		about["segments"] = segments
		if g.PathParamPrefix == "" {
			set["path"] = about
		} else {
			set[g.PathParamPrefix] = map[string]any{"path": about}
		}
		return set, e.addValues(at, g.Values, set)
	}
	for key, text := range flatten(object) {
		set[key] = text
	}
	name := strings.TrimPrefix(g.PathParamPrefix+".path", ".")
	for key, value := range about {
		if key != "path" {
			set[name+"."+key] = value
		}
	}
	set[name] = dir
	for i, segment := range segments {
		set[name+"["+strconv.Itoa(i)+"]"] = segment
	}
	return set, e.addValues(at, g.Values, set)
}

// addValues adds the values of a generator, in which the other parameters can stand
// (applicationset/generators/value_interpolation.go).
func (e *expansion) addValues(at string, values map[string]string, set map[string]any) error {
	texts := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		text, err := e.text(at+".values."+key, values[key], set)
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

// repository is what git keeps of a tree.
type repository struct {
	tree        fs.FS
	scanned     bool
	files       []string
	directories []string // without hidden ones, as Argo CD lists them (reposerver/repository/repository.go, GetGitDirectories)
}

// scan finds the files and directories, in the order of fs.WalkDir.
func (r *repository) scan() error {
	if r.scanned {
		return nil
	}
	r.scanned = true
	return r.walk(".", nil, false)
}

// walk lists a directory; ignored are the .gitignore patterns of those above it. git keeps no empty directories.
func (r *repository) walk(dir string, ignored []gitignore.Pattern, hidden bool) error {
	entries, err := fs.ReadDir(r.tree, dir)
	if err != nil {
		return err
	}
	ignored = append(slices.Clip(ignored), r.ignores(dir)...)
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

// ignores reads the .gitignore of a directory; most have none.
func (r *repository) ignores(dir string) []gitignore.Pattern {
	data, err := fs.ReadFile(r.tree, path.Join(dir, ".gitignore"))
	if err != nil {
		return nil
	}
	var domain []string
	if dir != "." {
		domain = strings.Split(dir, "/")
	}
	var patterns []gitignore.Pattern
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, gitignore.ParsePattern(line, domain))
		}
	}
	return patterns
}

// objects are what a file of a git generator holds, in JSON or YAML: a mapping, or a list of mappings.
func (r *repository) objects(file string) ([]map[string]any, error) {
	data, err := fs.ReadFile(r.tree, file)
	if err != nil {
		return nil, err
	}
	var object map[string]any
	if yaml.Unmarshal(data, &object) == nil {
		return []map[string]any{object}, nil // Nothing for an empty file, which counts too.
	}
	var objects []map[string]any
	if err := yaml.Unmarshal(data, &objects); err != nil {
		return nil, fmt.Errorf("%s: found neither a mapping nor a list of mappings in YAML or JSON: %w", file, err)
	}
	return objects, nil
}

// pathspec returns what tells the files that `git ls-files -- PATTERN` lists, run at the root of a repository: Argo CD finds
// the files of a git generator by it (util/git/client.go, LsFiles). A wildcard matches slashes too, and the path of a
// directory all files in it. The globs of --enable-new-git-file-globbing are not known here: it is off by default.
func pathspec(pattern string) (func(file string) bool, error) {
	if strings.HasPrefix(pattern, ":") {
		return nil, errors.New("the signature after a leading colon is not known here")
	}
	clean := path.Clean(pattern)
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return nil, errors.New("it leads out of the repository")
	}
	below := clean + "/"
	if strings.HasSuffix(pattern, "/") {
		clean = below
	}
	var wildcard *regexp.Regexp
	if strings.ContainsAny(clean, `*?[\`) {
		var err error
		if wildcard, err = regexp.Compile(wildmatch(clean)); err != nil {
			return nil, err
		}
	}
	return func(file string) bool {
		return clean == "." || file == clean || strings.HasPrefix(file, below) || wildcard != nil && wildcard.MatchString(file)
	}, nil
}

// brackets are a set of characters, after its [: the negation, if any, and what is in it.
var brackets = regexp.MustCompile(`^([!^]?)(\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])+|\])\]`)

// wildmatch is a pattern of git (wildmatch.c, without WM_PATHNAME) as a regular expression.
func wildmatch(pattern string) string {
	var expression strings.Builder
	for pattern != "" {
		char, rest := pattern[:1], pattern[1:]
		set := brackets.FindStringSubmatch(rest)
		switch {
		case char == "*":
			expression.WriteString(`.*`)
		case char == "?":
			expression.WriteString(`.`)
		case char == "[" && set != nil:
			rest = rest[len(set[0]):]
			expression.WriteString("[")
			if set[1] != "" {
				expression.WriteString("^")
			}
			if set[2][0] == ']' {
				expression.WriteString(`\`)
			}
			expression.WriteString(set[2] + "]")
		case char == `\` && rest != "":
			expression.WriteString(regexp.QuoteMeta(rest[:1]))
			rest = rest[1:]
		default:
			expression.WriteString(regexp.QuoteMeta(char))
		}
		pattern = rest
	}
	return `(?s)^` + expression.String() + `$`
}
