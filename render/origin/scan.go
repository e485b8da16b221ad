package origin

import (
	"bytes"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// scanResult has the sites that findSites finds in one input, and the values that the input reads.
type scanResult struct {
	sites []*Site
	// reads are the values that a template reads for a field. Each of them may be a missing key that can be
	// inserted.
	reads []valueRead
	// keys are the last keys of the paths that a template reads for a field, from .Values or from anything else:
	// pullPolicy of {{ .container.pullPolicy }}.
	keys []string
}

// valueRead is one value that a template reads: the path [image pullPolicy] for {{ .Values.image.pullPolicy }}.
type valueRead struct {
	in     *Input
	offset int      // in bytes; it is on the line that reads the value
	path   []string // without .Values
}

// findSites finds the sites of an input. The use of the input decides how it reads the input: a template by its
// parse tree and its text, a flag as text, a Chart.yaml for its appVersion alone, any other file as YAML. The
// result depends on the arguments alone. Most files have no site, so it looks first whether a file mentions a key
// or a value at all.
func findSites(in *Input, t *targets) scanResult {
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
			s.words(0, string(in.Data)) // such as the variables of a generator: POLICY=Always
		}
	}
	return s.scanResult
}

// scanner collects the sites of one input. Its methods are in scan_text.go, scan_template.go and scan_yaml.go, one
// file for each way to read an input.
type scanner struct {
	in *Input
	*targets
	scanResult
}

func (s *scanner) add(site *Site) {
	site.Input = s.in
	s.sites = append(s.sites, site)
}

// appVersion finds the version of the app in a Chart.yaml. Many charts use it as the tag of their image if the
// values set no tag.
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
