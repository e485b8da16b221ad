// Package charttest makes packaged charts and chart repositories for tests. It is test code: the program does not
// import it. It imports no other package of the module, so that the packages which render charts can use it in their
// own tests.
package charttest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"sigs.k8s.io/yaml"
)

// Pack returns a chart as a package (.tgz), as `helm package` makes it. It ends the test if Helm refuses the chart.
func Pack(t testing.TB, c *chart.Chart) []byte {
	t.Helper()
	file, err := chartutil.Save(c, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Serve starts a chart repository on this machine, and returns its URL. It has one chart, in the given versions, each
// with the same values.yaml and no template. The server stops at the end of the test.
func Serve(t testing.TB, name, values string, versions ...string) string {
	t.Helper()
	files, entries := map[string][]byte{}, []map[string]any{}
	for _, version := range versions {
		file := name + "-" + version + ".tgz"
		files["/"+file] = Pack(t, &chart.Chart{
			Metadata: &chart.Metadata{APIVersion: "v2", Name: name, Version: version},
			Raw:      []*chart.File{{Name: chartutil.ValuesfileName, Data: []byte(values)}},
		})
		entries = append(entries, map[string]any{"version": version, "urls": []string{file}})
	}
	index, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "entries": map[string]any{name: entries}})
	if err != nil {
		t.Fatal(err)
	}
	files["/index.yaml"] = index
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if data, ok := files[r.URL.Path]; ok {
			w.Write(data)
		} else {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}
