package argocd

import (
	"encoding/json"
	"io/fs"
)

// Plugin is a config management plugin with its parameters.
type Plugin struct {
	Name       string            `json:"name,omitempty"`
	Parameters []PluginParameter `json:"parameters,omitempty"`
}

// ResolvePlugin returns a source that a plugin renders as the source with Argo CD's own options that renders to the same
// manifests, apart from what the plugin does with the manifests.
type ResolvePlugin func(fsys fs.FS, source Source) (Source, error)

// PluginParameter is a parameter of a config management plugin as an Application sets it: one of the three.
type PluginParameter struct {
	Name   string            `json:"name"`
	String *string           `json:"string,omitempty"`
	Array  []string          `json:"array,omitempty"`
	Map    map[string]string `json:"map,omitempty"`
}

// UnmarshalJSON keeps apart what is empty and what is not set.
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
