package kustomize

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// explain turns an error of a build, which kustomize wraps once for each directory, into an error that is located at
// the kustomization with the fault and says only what is wrong there. For example:
//
//	accumulating resources: … recursed accumulation of path '/~tree~/base': accumulating resources: …
//	merging resources from 'b.yaml': may not add resource with an already registered id: ConfigMap.v1.[noGrp]/app
//
// becomes
//
//	base/kustomization.yaml:1:13: b.yaml: may not add resource with an already registered id: ConfigMap.v1/app
func (g *graph) explain(err error) error {
	dir, entry, text := unwrap(g.dir, err.Error())
	if owner, m, _, ok := g.split(dir); ok && m.chart != "" {
		dir, entry, text = cmp.Or(owner, "."), m.chart, "helmCharts: "+m.chart+": "+text
	}
	v := g.visits[dir]
	if v == nil {
		v, text = g.visits[g.dir], err.Error()
	}
	location := v.k.Locate(entry)
	if len(v.cloned) > 0 {
		location, text = v.referencedAt, path.Join(root, dir)+": "+text
	}
	if plugin := externalPlugin.FindStringSubmatch(text); plugin != nil {
		return fault(location, "plugin", g.refused(plugin[1]))
	}
	suspects := []string{v.dir}
	if strings.Contains(text, "invalid schema file") {
		suspects = slices.Sorted(maps.Keys(g.visits)) // The message does not name the kustomization.
	}
	isParseError := strings.Contains(text, "yaml: ") || strings.Contains(text, "unable to parse")
	for _, suspect := range suspects {
		if broken := g.brokenFile(g.visits[suspect]); broken != nil && isParseError {
			return fault(location, g.userText(path.Join(root, dir)), broken)
		}
	}
	failure := &yamldoc.Error{Location: location, Err: errors.New(g.userText(text))}
	switch {
	case strings.Contains(text, "already registered id"):
		failure.Hint = "two entries define this object: remove one, or make it a patch"
	case strings.Contains(text, "matches strategic merge patch"):
		failure.Hint = "a patch names an object as it is before this kustomization changes it: " +
			"apiVersion, kind, name and namespace"
	}
	return failure
}

// These expressions match the text with which kustomize wraps its errors (kusttarget.go and plugins of
// api/internal/builtins).
var (
	inDirectory = regexp.MustCompile(
		`^accumulation err='accumulating resources from '[^']*': .*?must resolve to a file': `)
	inFile = regexp.MustCompile(
		`(?s)^accumulation err='(.*)': must build at directory: '[^']*': file is not directory$`)
	inComponent = regexp.MustCompile(`(?s)^(?:accumulateDirectory|loader\.New):? (".*")$`)
	ofDirectory = regexp.MustCompile(
		`^(?:recursed accumulation of|couldn't make target for) path '` + root + `/?([^']*)': `)
	ofFile         = regexp.MustCompile(`^(?:accumulating|merging) resources from '([^']*)': `)
	ofPlugin       = regexp.MustCompile("(?s)^trouble configuring builtin (\\w+) with config: `\n.*?\n`: ")
	ofGenerator    = regexp.MustCompile(`^merging from generator &\{[^}]*\}: `)
	ofMerge        = regexp.MustCompile(`; failed to find unique target for patch .*$`)
	externalPlugin = regexp.MustCompile(`external plugins disabled; unable to load external plugin '(.*)'`)
	goResID        = regexp.MustCompile(`resid\.ResId\{Gvk:resid\.Gvk\{Group:"[^"]*", Version:"[^"]*", ` +
		`Kind:"([^"]*)", isClusterScoped:\w+\}, Name:"([^"]*)", Namespace:"[^"]*"\}`)
	// withoutAbsent removes the parts of an object's ID that say that it has no group, version or namespace.
	withoutAbsent = strings.NewReplacer(".[noGrp]", "", ".[noVer]", "", ".[noNs]", "")
)

// unwrap removes, one after the other, the texts with which kustomize has wrapped an error in the kustomization of a
// directory. It returns the directory of the innermost kustomization, the entry of that kustomization if the error
// names one, and the rest of the text.
func unwrap(dir, text string) (string, string, string) {
	entry := ""
	for changed := true; changed; {
		before := text
		text = strings.TrimPrefix(strings.TrimPrefix(text, "accumulating resources: "), "accumulating components: ")
		text = strings.TrimPrefix(inDirectory.ReplaceAllString(text, ""), "loading generator plugins: ")
		text = inFile.ReplaceAllString(text, "$1")
		text = ofGenerator.ReplaceAllString(text, "")
		text = ofPlugin.ReplaceAllString(text, "$1: ")
		if match := inComponent.FindStringSubmatch(text); match != nil {
			text, _ = strconv.Unquote(match[1])
		}
		if match := ofDirectory.FindStringSubmatch(text); match != nil {
			dir, entry, text = cmp.Or(match[1], "."), "", text[len(match[0]):]
		}
		if match := ofFile.FindStringSubmatch(text); match != nil && entry == "" {
			entry, text = match[1], text[len(match[0]):]
		}
		changed = text != before
	}
	if entry != "" {
		text = entry + ": " + text
	}
	text = ofMerge.ReplaceAllString(goResID.ReplaceAllString(text, "$1 $2"), "")
	return dir, entry, withoutAbsent.Replace(strings.TrimSpace(text))
}

// brokenFile returns an error for the first file of a kustomization that is not YAML, with its line; nil if all files
// are. Kustomize's own error is of little use: it counts lines from the start of a YAML document instead of the file,
// and does not name the file for every field.
func (g *graph) brokenFile(v *visit) error {
	for _, reference := range v.k.References() {
		file, info, err := g.find(v.node, reference.Path)
		if err != nil || info.IsDir() || strings.Contains(reference.Field, "Generator.") {
			continue
		}
		data, err := fs.ReadFile(g.tree, file)
		start := bytes.TrimSpace(data)
		if err != nil || bytes.HasPrefix(start, []byte("{")) || bytes.HasPrefix(start, []byte("[")) {
			continue // The file is JSON, which may be indented by tabs, and YAML may not.
		}
		for decoder := yaml.NewDecoder(bytes.NewReader(data)); err == nil; {
			err = decoder.Decode(&yaml.Node{})
		}
		if errors.Is(err, io.EOF) {
			continue
		}
		if _, m, _, ok := g.split(file); ok && m.whole {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		return yamldoc.ParseError(g.userPath(file), data, err)
	}
	return nil
}
