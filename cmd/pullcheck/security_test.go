package main

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityNamesTests: each test, fuzz target and script that SECURITY.md names exists.
func TestSecurityNamesTests(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	err = fs.WalkDir(os.DirFS("../.."), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, "_test.go") {
			var text []byte
			text, err = os.ReadFile("../../" + name)
			sources.Write(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, name := range regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z]+)`").FindAllStringSubmatch(string(page), -1) {
		named++
		if !strings.Contains(sources.String(), "func "+name[1]+"(") {
			t.Errorf("SECURITY.md names the test %s, which does not exist", name[1])
		}
	}
	for _, row := range regexp.MustCompile(`(?m)\bscripts? ([^|;]*)`).FindAllStringSubmatch(string(page), -1) {
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			named++
			if _, err := os.Stat("../../testdata/script/" + name[1] + ".txtar"); err != nil {
				t.Errorf("SECURITY.md names the script %s: %v", name[1], err)
			}
		}
	}
	if named < 60 {
		t.Errorf("%d names were found in SECURITY.md", named)
	}
}
