package helm

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// schemaURL is the URL that Helm gives the schema of a chart (pkg/chartutil/jsonschema.go).
const schemaURL = "file:///values.schema.json"

// checkSchemas returns an error if the schema of a chart or of one of its subcharts refers to another file or to a
// server. Helm would read the file from the disk of this machine, or ask the server, when it validates values.
//
// Each schema is compiled as Helm compiles it, so that nothing is left to load when Helm does. A schema that does not
// compile is an error, in Helm's words.
func checkSchemas(c *chart.Chart) error {
	if c.Schema != nil {
		err := checkSchema(c.Schema)
		if other := (*jsonschema.LoadURLError)(nil); errors.As(err, &other) {
			return &yamldoc.Error{
				Err: fmt.Errorf("%s of the chart %s refers to %s, and a schema may refer to itself only: "+
					"neither files of this machine nor servers are read for it",
					chartutil.SchemafileName, c.Name(), fetch.Redact(other.URL)),
				Hint: "copy that schema below $defs of this file, and refer to it with #/$defs/NAME",
			}
		}
		if err != nil {
			return fmt.Errorf("%s%s:\n%w", schemaHeading, c.Name(), err)
		}
	}
	for _, subchart := range c.Dependencies() {
		if err := checkSchemas(subchart); err != nil {
			return err
		}
	}
	return nil
}

// checkSchema compiles a schema. A panic of the library is an error, as in Helm.
func checkSchema(schema []byte) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("unable to validate schema: %v", value)
		}
	}()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if err := compiler.AddResource(schemaURL, document); err != nil {
		return err
	}
	_, err = compiler.Compile(schemaURL)
	return err
}

// noLoader loads no schema. For urn: it answers as Helm does: everything is valid.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(url string) (any, error) {
	if scheme, _, _ := strings.Cut(url, ":"); strings.EqualFold(scheme, "urn") {
		return true, nil
	}
	return nil, errors.New("it is not loaded")
}
