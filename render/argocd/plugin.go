package argocd

import (
	"encoding/json"
	"io/fs"
)

// Plugin are the options of a source that a config management plugin renders (ApplicationSourcePlugin).
type Plugin struct {
	Name       string            `json:"name,omitempty"`
	Parameters []PluginParameter `json:"parameters,omitempty"`
}

// ResolvePlugin returns, for a source with a plugin, the source without the plugin that renders to the same manifests.
// For example, pullcheck's own plugin with the parameter valueFiles becomes a source with helm.valueFiles. Changes that
// the plugin makes to the rendered manifests are left out.
type ResolvePlugin func(fsys fs.FS, source Source) (Source, error)

// PluginParameter is a parameter of a config management plugin as an Application sets it. The value is in one of the
// fields String, Array and Map; the other two are nil.
type PluginParameter struct {
	Name   string            `json:"name"`
	String *string           `json:"string,omitempty"`
	Array  []string          `json:"array,omitempty"`
	Map    map[string]string `json:"map,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler. An empty array or map becomes an empty value and not nil, so that it
// differs from an array or map that is not set.
func (p *PluginParameter) UnmarshalJSON(data []byte) error {
	var read struct {
		Name   string
		String *string
		Array  *[]string
		Map    *map[string]string
	}
	if err := json.Unmarshal(data, &read); err != nil {
		return err
	}
	p.Name, p.String = read.Name, read.String
	if read.Array != nil {
		p.Array = append([]string{}, *read.Array...)
	}
	if read.Map != nil {
		p.Map = *read.Map
	}
	return nil
}
