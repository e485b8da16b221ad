package kustomize

import (
	"bytes"
	"strings"
	"testing"
)

// TestParseLimitsSize holds that a file that takes gigabytes to parse is refused before: all kustomization files of a tree
// are parsed outside of any source's limits.
func TestParseLimitsSize(t *testing.T) {
	data := bytes.Repeat([]byte("# comment\n"), maxSize/10)
	if _, err := Parse("kustomization.yaml", append(data, "resources: [pod.yaml]"...)); err == nil ||
		!strings.Contains(err.Error(), "at most 2097152 are read") {
		t.Errorf("got %v", err)
	}
	if _, err := Parse("kustomization.yaml", append(data[:maxSize/2], "\nresources: [pod.yaml]"...)); err != nil {
		t.Error(err)
	}
}
