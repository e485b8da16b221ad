package appset

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/valyala/fasttemplate"
	"sigs.k8s.io/yaml"
)

// renderer interpolates parameters into the strings of an ApplicationSet (applicationset/utils/utils.go, Render). It
// renders Go templates for a set with goTemplate, and otherwise texts with placeholders such as {{name}}.
type renderer struct {
	// base has the functions and options of Go templates. It is nil for a set without goTemplate.
	base *template.Template
}

func (r *renderer) goTemplate() bool { return r.base != nil }

// templateOptions are the options of text/template. It panics at any other.
var templateOptions = []string{"missingkey=default", "missingkey=invalid", "missingkey=zero", "missingkey=error"}

// newRenderer returns the renderer for a set's spec.goTemplate and spec.goTemplateOptions.
func newRenderer(goTemplate bool, options []string) (*renderer, error) {
	if !goTemplate {
		return &renderer{}, nil
	}
	for i, option := range options {
		if !slices.Contains(templateOptions, option) {
			return nil, fmt.Errorf("spec.goTemplateOptions[%d]: found %q, where Argo CD accepts one of %s",
				i, option, strings.Join(templateOptions, ", "))
		}
	}
	return &renderer{template.New("").Funcs(templateFunctions()).Option(options...)}, nil
}

// withMissingKeyError returns a renderer for which a missing parameter is an error, whatever the set's options say.
func (r *renderer) withMissingKeyError() (*renderer, error) {
	if !r.goTemplate() {
		return r, nil
	}
	base, err := r.base.Clone()
	if err != nil {
		return nil, err
	}
	return &renderer{base.Option("missingkey=error")}, nil
}

// templateFunctions returns the functions of Argo CD's Go templates: Sprig's, without those that read the environment
// or ask a name server, and Argo CD's own (applicationset/utils/utils.go and template_functions.go).
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

// renderStrings returns a deep copy of a value in which every string is rendered, mapping keys too. Like Argo CD, it
// leaves out nulls in mappings. path is the field path of the value in errors.
func (r *renderer) renderStrings(path string, value any, parameters map[string]any) (any, error) {
	switch value := value.(type) {
	case string:
		return r.renderString(path, value, parameters)
	case []any:
		rendered := make([]any, len(value))
		for i, item := range value {
			var err error
			if rendered[i], err = r.renderStrings(fmt.Sprintf("%s[%d]", path, i), item, parameters); err != nil {
				return nil, err
			}
		}
		return rendered, nil
	case map[string]any:
		rendered := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if value[key] == nil {
				continue
			}
			field := path + "." + key
			name, err := r.renderString(field, key, parameters)
			if err != nil {
				return nil, err
			}
			if rendered[name], err = r.renderStrings(field, value[key], parameters); err != nil {
				return nil, err
			}
		}
		return rendered, nil
	case lenientValues:
		return r.renderLenient(path, value, parameters)
	}
	return value, nil
}

// lenientValues are the values of a git generator inside of a matrix. They can name parameters of the git generator
// itself, which are not known when the matrix interpolates the parameters of its first generator.
type lenientValues map[string]any

// renderLenient renders the values whose parameters are all known, and leaves the others as they are
// (applicationset/utils/utils.go, RenderGeneratorParams).
func (r *renderer) renderLenient(path string, values lenientValues, parameters map[string]any) (map[string]any, error) {
	strict, err := r.withMissingKeyError()
	if err != nil {
		return nil, err
	}
	rendered := map[string]any(maps.Clone(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		text, ok := values[key].(string)
		if !ok {
			continue
		}
		text, err := strict.renderString(path+"."+key, text, parameters)
		switch {
		case err == nil:
			rendered[key] = text
		case !isMissingKey(err):
			return nil, err
		}
	}
	return rendered, nil
}

// isMissingKey reports whether a template failed for want of a parameter. text/template has no type for this error.
func isMissingKey(err error) bool {
	return strings.Contains(err.Error(), "map has no entry for key") ||
		strings.Contains(err.Error(), "can't evaluate field")
}

// placeholder matches a text without goTemplate that Argo CD interpolates; it leaves other texts as they are.
var placeholder = regexp.MustCompile(`{{.*}}`)

// renderString renders one string. Without goTemplate, {{name}} stands for the parameter of that name if it is a
// string; any other text in braces stays.
func (r *renderer) renderString(path, text string, parameters map[string]any) (string, error) {
	if r.goTemplate() {
		return r.execute(path, text, parameters)
	}
	if !placeholder.MatchString(text) {
		return text, nil
	}
	parsed, err := fasttemplate.NewTemplate(text, "{{", "}}")
	if err != nil {
		_, unclosed, _ := strings.Cut(text[strings.LastIndex(text, "}}"):], "{{")
		return "", fmt.Errorf("%s: found {{ without }} behind it: %q", path, unclosed)
	}
	return parsed.ExecuteFuncString(func(w io.Writer, tag string) (int, error) {
		name := strings.TrimSpace(tag)
		if value, ok := parameters[name].(string); ok && name != "" {
			return io.WriteString(w, value)
		}
		return io.WriteString(w, "{{"+tag+"}}")
	}), nil
}

// execute renders a Go template.
func (r *renderer) execute(path, text string, parameters map[string]any) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	base, err := r.base.Clone()
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

// slugify makes a short name: slugify [SIZE [SMART]] NAME. SIZE is in bytes and 50 by default. With SMART, the
// default, the name is cut between words (applicationset/utils/utils.go, SlugifyName).
//
// Argo CD uses github.com/gosimple/slug. The settings of that module are global variables, and little of its work
// remains for a sanitized name.
func slugify(arguments ...any) (string, error) {
	size, smart, name, ok := 50, true, "", true
	for i, argument := range arguments {
		valid := true // Argo CD ignores what stands between SMART and NAME.
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
