package argocd

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

// templates replaces parameters in the strings of a set (applicationset/utils/utils.go, Render).
type templates struct {
	// base is nil for a set without goTemplate.
	base *template.Template
}

func (t *templates) goTemplate() bool { return t.base != nil }

// missingKeys are the values of text/template's only option, which panics at any other.
var missingKeys = []string{"missingkey=default", "missingkey=invalid", "missingkey=zero", "missingkey=error"}

func newTemplates(goTemplate bool, options []string) (*templates, error) {
	if !goTemplate {
		return &templates{}, nil
	}
	for i, option := range options {
		if !slices.Contains(missingKeys, option) {
			return nil, fmt.Errorf("spec.goTemplateOptions[%d]: found %q, where Argo CD accepts one of %s", i, option, strings.Join(missingKeys, ", "))
		}
	}
	return &templates{template.New("").Funcs(templateFunctions()).Option(options...)}, nil
}

// strict returns the same templates, to which a missing key is always an error.
func (t *templates) strict() (*templates, error) {
	if !t.goTemplate() {
		return t, nil
	}
	base, err := t.base.Clone()
	if err != nil {
		return nil, err
	}
	return &templates{base.Option("missingkey=error")}, nil
}

// templateFunctions are those of Sprig but for what reads the environment or asks a name server, and Argo CD's own.
func templateFunctions() template.FuncMap {
	functions := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	functions["normalize"] = sanitizeName
	functions["slugify"] = slugify
	functions["toYaml"] = func(value any) (string, error) {
		data, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(data), "\n"), err
	}
	functions["fromYaml"] = func(text string) (value map[string]any, err error) {
		value = map[string]any{}
		return value, yaml.Unmarshal([]byte(text), &value)
	}
	functions["fromYamlArray"] = func(text string) (value []any, err error) {
		value = []any{}
		return value, yaml.Unmarshal([]byte(text), &value)
	}
	return functions
}

// replace returns a copy of a value with every string in it, keys too, put through text. A null in a mapping is left out,
// as Argo CD does it. path names the value in errors.
func (t *templates) replace(path string, value any, parameters map[string]any) (any, error) {
	switch value := value.(type) {
	case string:
		return t.text(path, value, parameters)
	case []any:
		replaced := make([]any, len(value))
		for i, item := range value {
			var err error
			if replaced[i], err = t.replace(fmt.Sprintf("%s[%d]", path, i), item, parameters); err != nil {
				return nil, err
			}
		}
		return replaced, nil
	case map[string]any:
		replaced := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if value[key] == nil {
				continue
			}
			at := path + "." + key
			name, err := t.text(at, key, parameters)
			if err != nil {
				return nil, err
			}
			if replaced[name], err = t.replace(at, value[key], parameters); err != nil {
				return nil, err
			}
		}
		return replaced, nil
	case tolerantValues:
		return t.tolerate(path, value, parameters)
	}
	return value, nil
}

// tolerantValues are the values of a git generator in a matrix. They may name parameters that are known only later: such a
// value stays as it is.
type tolerantValues map[string]any

func (t *templates) tolerate(path string, values tolerantValues, parameters map[string]any) (map[string]any, error) {
	strict, err := t.strict()
	if err != nil {
		return nil, err
	}
	replaced := map[string]any(maps.Clone(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		text, ok := values[key].(string)
		if !ok {
			continue
		}
		text, err := strict.text(path+"."+key, text, parameters)
		switch {
		case err == nil:
			replaced[key] = text
		case !strings.Contains(err.Error(), "map has no entry for key") && !strings.Contains(err.Error(), "can't evaluate field"):
			return nil, err
		}
	}
	return replaced, nil
}

// inOneLine tells what Argo CD takes for a template of the simple kind.
var inOneLine = regexp.MustCompile(`{{.*}}`)

// text renders one string: a Go template, or else a text in which {{ name }} stands for a parameter that is a string, and
// anything else in braces for itself (github.com/valyala/fasttemplate).
func (t *templates) text(path, text string, parameters map[string]any) (string, error) {
	if t.goTemplate() {
		return t.execute(path, text, parameters)
	}
	if !inOneLine.MatchString(text) {
		return text, nil
	}
	var rendered strings.Builder
	for {
		before, rest, open := strings.Cut(text, "{{")
		rendered.WriteString(before)
		if !open {
			return rendered.String(), nil
		}
		tag, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return "", fmt.Errorf("%s: found {{ without }} behind it: %q", path, rest)
		}
		if replacement, ok := parameters[strings.TrimSpace(tag)].(string); ok && strings.TrimSpace(tag) != "" {
			rendered.WriteString(replacement)
		} else {
			rendered.WriteString("{{" + tag + "}}")
		}
		text = after
	}
}

func (t *templates) execute(path, text string, parameters map[string]any) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	base, err := t.base.Clone()
	if err != nil {
		return "", err
	}
	parsed, err := base.New(path).Parse(text)
	if err != nil {
		return "", err
	}
	var rendered strings.Builder
	if err := parsed.Execute(&rendered, parameters); err != nil {
		return "", err
	}
	return rendered.String(), nil
}

var notInNames = regexp.MustCompile(`[^-a-z0-9.]`)

// sanitizeName makes a text a DNS name (applicationset/utils/template_functions.go, SanitizeName).
func sanitizeName(name string) string {
	name = notInNames.ReplaceAllString(strings.ToLower(name), "-")
	return strings.Trim(name[:min(len(name), 253)], "-.")
}

var betweenWords = regexp.MustCompile(`[^a-z0-9]+`)

// slugify makes a short name: slugify [SIZE [SMART]] NAME, where SMART (the default) cuts between words only. It does what
// Argo CD's function of that name does with github.com/gosimple/slug, whose settings are global variables, and of which
// little remains to do for a sanitized name.
func slugify(arguments ...any) (string, error) {
	size, smart, name, ok := 50, true, "", len(arguments) < 4
	for i, argument := range arguments {
		var valid bool
		switch i {
		case len(arguments) - 1:
			name, valid = argument.(string)
		case 0:
			size, valid = argument.(int)
		case 1:
			smart, valid = argument.(bool)
		}
		ok = ok && valid
	}
	if !ok || size < 0 {
		return "", fmt.Errorf("found %v, where slugify accepts [SIZE [true|false]] NAME", arguments)
	}
	slug := sanitizeName(name)
	if !smart {
		slug = slug[:min(len(slug), size)]
	}
	slug = strings.Trim(betweenWords.ReplaceAllString(slug, "-"), "-")
	if !smart || size == 0 || len(slug) <= size {
		return slug, nil
	}
	if end := strings.LastIndexByte(slug[:size+1], '-'); end >= 0 {
		return slug[:end], nil
	}
	return slug[:size], nil
}
