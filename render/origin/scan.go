package origin

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// found is what a scan finds in an input.
type found struct {
	sites []*Site
	// reads are the paths of values that a template reads for a field.
	reads []valueRead
	// keys are the last keys that a template reads for a field, whatever they are read from.
	keys []string
}

// valueRead is a path below .Values that a template reads: image.pullPolicy.
type valueRead struct {
	in     *Input
	offset int // near which it is read
	path   []string
}

// scan finds the sites of an input. It depends on its arguments alone.
func scan(in *Input, t *targets) found {
	s := &scanner{in: in, targets: t}
	all := len(in.Data)
	switch in.Use {
	case render.UseTemplate:
		s.template(0, all)
	case render.UseFlag:
		s.text(0, in.Data)
	case render.UseMetadata:
		s.appVersion()
	case render.UseChartFile:
		if t.couldHaveSite(string(in.Data)) && (bytes.Contains(in.Data, []byte("{{")) || !s.yaml(0, all)) {
			s.template(0, all)
		}
	default:
		if (in.Use == render.UseValues || t.couldHaveSite(string(in.Data))) && !s.yaml(0, all) {
			s.words(0, string(in.Data)) // such as the variables of a generator
		}
	}
	return s.found
}

// scanner collects the sites of one input. Its methods are in scan_text.go, scan_template.go and scan_yaml.go.
type scanner struct {
	in *Input
	*targets
	found
}

func (s *scanner) add(site *Site) {
	site.Input = s.in
	s.sites = append(s.sites, site)
}

// appVersion finds the version of the app in a Chart.yaml, which charts use as the tag if no tag is set.
func (s *scanner) appVersion() {
	roots, err := yamldoc.Parse(s.in.Data)
	if err != nil || len(roots) != 1 {
		return
	}
	version := yamldoc.Field(roots[0], "appVersion")
	if version != nil && version.Kind == yaml.ScalarNode && isPartOf(s.values, version.Value) {
		s.add(valueAt(s.in.Text(), version))
	}
}
