package helm

import (
	"fmt"
	"io/fs"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Values merges the values files and the flags --set-json, --set, --set-string and --set-file of the options, with the
// precedence of helm.sh/helm/v3/pkg/cli/values (which reads only the disk). The chart's own values.yaml is not among
// them: Helm merges it later.
//
// The probe, which may be nil, sees each values file as render.UseValues, and the argument of each flag as
// render.UseFlag with the flag's name as the path. The error for a flag does not contain the argument, which may be a
// secret.
func Values(fsys fs.FS, options Options, probe render.Probe) (map[string]any, error) {
	merged := map[string]any{}
	for _, file := range options.ValuesFiles {
		if probe != nil {
			data, err := file.Read(fsys)
			if err != nil {
				return nil, err
			}
			outside := file.Data != nil
			file.Data = probe(render.Input{Path: file.Path, Use: render.UseValues, Data: data, Outside: outside})
		}
		given, err := ReadValues(fsys, file)
		if err != nil {
			return nil, err
		}
		merged = chartutil.MergeTables(given, merged)
	}
	readFile := func(name []rune) (any, error) {
		file, ok := options.SetFiles[string(name)]
		if !ok {
			file.Path = string(name)
		}
		data, err := file.Read(fsys)
		return string(data), err
	}
	for _, flag := range []struct {
		name   string
		values []string
		parse  func(value string, into map[string]any) error
	}{
		{"--set-json", options.SetJSON, strvals.ParseJSON},
		{"--set", options.Set, strvals.ParseInto},
		{"--set-string", options.SetString, strvals.ParseIntoString},
		{"--set-file", options.SetFile, func(value string, into map[string]any) error {
			return strvals.ParseIntoFile(value, into, readFile)
		}},
	} {
		for _, value := range flag.values {
			if probe != nil {
				value = string(probe(render.Input{Path: flag.name, Use: render.UseFlag, Data: []byte(value)}))
			}
			if err := flag.parse(value, merged); err != nil {
				// The value may be a secret, so the message leaves it out.
				return nil, fmt.Errorf("%s: %w", flag.name, err)
			}
		}
	}
	return merged, nil
}

// ReadValues reads a values file. If the file cannot be read, the error is the error of the tree. If the file is not a
// YAML mapping, the error is a *yamldoc.Error with the location. An empty file has no values, which is no error.
func ReadValues(fsys fs.FS, file render.File) (map[string]any, error) {
	data, err := file.Read(fsys)
	if err != nil {
		return nil, err
	}
	var content any
	if err := yaml.Unmarshal(data, &content); err != nil {
		return nil, yamldoc.ParseError(file.Path, data, err)
	}
	switch content := content.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return content, nil
	default:
		return nil, &yamldoc.Error{
			Location: yamldoc.Location{Path: file.Path},
			Err:      fmt.Errorf("values must be a mapping of keys, this is %s", typeName(content)),
			Hint:     "write KEY: VALUE lines, as in the chart's values.yaml",
		}
	}
}

// typeName describes a value that is not a mapping, for an error.
func typeName(value any) string {
	if _, ok := value.([]any); ok {
		return "a list"
	}
	return fmt.Sprintf("the single value %q", fmt.Sprint(value))
}
