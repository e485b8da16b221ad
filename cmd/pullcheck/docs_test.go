package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codePath   = regexp.MustCompile("`((?:check|cmd|docs|internal|render|testdata)/[\\w./-]*\\w)`(\\s\\(new\\))?")
	linkTarget = regexp.MustCompile(`\]\(([\w./-]+)\)`)
)

// TestDocumentedFiles: each file or directory that the documentation names is there.
func TestDocumentedFiles(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("there are no pages in docs", err)
	}
	for _, page := range append(pages, "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, match := range codePath.FindAllStringSubmatch(string(text), -1) {
			if match[2] != "" || strings.Contains(match[1], "NAME") || strings.Contains(match[1], "RULE") {
				continue // The reader is to make the file.
			}
			named++
			if _, err := os.Stat(filepath.Join("../..", match[1])); err != nil {
				t.Errorf("%s names %s: %v", page, match[1], err)
			}
		}
		for _, match := range linkTarget.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), match[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, match[1], err)
			}
		}
		if named == 0 {
			t.Errorf("%s names no file", page)
		}
	}
}
