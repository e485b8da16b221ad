package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pullcheck/pullcheck/render"
)

// FuzzValues holds that any values file and any argument of --set and its relatives are refused or merged, and that no
// error repeats an argument, which may be a secret.
func FuzzValues(f *testing.F) {
	for _, set := range []string{"a=b", "a.b[1].c=d", "a={b,c}", `a=\,b`, "a[", "a[-1]=b", "a[65537]=1", "a.=", "=", "a[0][0][0]=x", "a=null", `{"a":1}`, `a={"b":[1]}`, "a.b=1,a.b.c=2", "a[1]b=2", "a=1e400", strings.Repeat("a.", 40) + "a=1"} {
		f.Add(set, "a: {b: 1}\n")
		f.Add(set, "a: [1]\n")
	}
	f.Add("a", "&a {b: *a}")
	f.Add("a", "- a")
	f.Fuzz(func(t *testing.T, set, values string) {
		fsys := fstest.MapFS{"values.yaml": {Data: []byte(values)}}
		file := []render.File{{Path: "values.yaml"}}
		for _, options := range []Options{{Set: []string{set}}, {SetString: []string{set}}, {SetJSON: []string{set}}, {SetFile: []string{set}}} {
			options.ValuesFiles = file
			if merged, err := Values(fsys, options, nil); (merged == nil) != (err != nil) {
				t.Errorf("%q over %q: %v, %v", set, values, merged, err)
			}
		}
	})
}

// FuzzIgnoreFile holds that any .helmignore is refused, or leaves files that are in the chart.
func FuzzIgnoreFile(f *testing.F) {
	for _, text := range []string{"*.tgz\n!a\n", "/a", "a/", "**", "[", "\\", "!", "# a\n\r\n", "templates", "Chart.yaml", "[]a]", "a**/b", "\xff*"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fsys := fstest.MapFS{
			"c/.helmignore": {Data: text}, "c/Chart.yaml": {Data: []byte("name: c\nversion: 1.0.0\n")}, "c/templates/a.yaml": {Data: []byte("a: b\n")}, "c/a/b": {}, "outside": {},
		}
		files, err := readDirectory(t.Context(), fsys, "c")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "c/.helmignore: ") {
				t.Errorf("%q: the error does not name the file: %v", text, err)
			}
			return
		}
		for _, file := range files {
			if fsys["c/"+file.Name] == nil {
				t.Errorf("%q: there is no %s", text, file.Name)
			}
		}
	})
}

// FuzzArchive holds that any packaged chart is refused, or has files with paths below it.
func FuzzArchive(f *testing.F) {
	for _, name := range []string{"c/Chart.yaml", "c/../../x", "/x", "c", "c/" + strings.Repeat("a/", 200) + "b", `c\..\x`, "c:/x", "./c/x", "c//x", "../c/x", ""} {
		f.Add(name, []byte("name: c\n"), byte(tar.TypeReg), uint16(0))
	}
	f.Add("c/x", []byte("/etc/passwd"), byte(tar.TypeSymlink), uint16(0))
	f.Add("c/x", []byte("y"), byte(tar.TypeReg), uint16(20))
	f.Fuzz(func(t *testing.T, name string, content []byte, kind byte, cut uint16) {
		var data bytes.Buffer
		compressed := gzip.NewWriter(&data)
		archive := tar.NewWriter(compressed)
		header := &tar.Header{Name: name, Typeflag: kind, Mode: 0o644}
		if kind == tar.TypeReg {
			header.Size = int64(len(content))
		} else {
			header.Linkname, content = string(content), nil
		}
		if archive.WriteHeader(header) != nil {
			return // There is no such header.
		}
		_, _ = archive.Write(content)
		_, _ = archive.Close(), compressed.Close()
		files, err := readArchive(data.Bytes()[:max(0, data.Len()-int(cut))], "c.tgz")
		if err != nil {
			return
		}
		for _, file := range files {
			if strings.HasPrefix(file.Name, "/") || strings.Contains("/"+file.Name+"/", "/../") {
				t.Errorf("a file is named %q", file.Name)
			}
		}
	})
}
