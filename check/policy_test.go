package check

import "testing"

// TestEffective has images with written policies, and the policy that the API server makes of each.
func TestEffective(t *testing.T) {
	const sum = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	const sum512 = "sha512:ee26b0dd4af7e749aa1a8ee3c10ae9923f618980772e473f8819a5d4940e0db27ac185f8a0e1d5f84f88bc887fd67b143732c304cc5fa9ad8e6f57f50028a8ff"
	for _, test := range []struct {
		image, written, want string
	}{
		{"x", "", Always},
		{"x:latest", "", Always},
		{"example.com/team/x", "", Always},
		{"example.com:5000/team/x", "", Always}, // a port is not a tag
		{"localhost:5000/x", "", Always},
		{"localhost:5000", "", IfNotPresent}, // without a path it is a tag
		{"x:1.2", "", IfNotPresent},
		{"x:Latest", "", IfNotPresent},
		{"x:latest-alpine", "", IfNotPresent},
		{"example.com:5000/team/x:1.2", "", IfNotPresent},
		{"x:latest@" + sum, "", Always},
		{"x@" + sum, "", IfNotPresent},
		{"x:1.2@" + sum, "", IfNotPresent},
		{"x:latest@" + sum512, "", Always},
		{"x@sha256:abc", "", IfNotPresent}, // no digest: it does not parse
		{"", "", IfNotPresent},
		{"X", "", IfNotPresent}, // upper case in a repository does not parse
		{"team/X:latest", "", IfNotPresent},
		{"Team/x", "", Always}, // in the first of several parts it makes that a registry
		{"example.com/Team/x:latest", "", IfNotPresent},
		{"x:", "", IfNotPresent},
		{" x:latest", "", IfNotPresent},
		{"$(params.image):latest", "", IfNotPresent},
		{"{{inputs.parameters.image}}", "", IfNotPresent},
		{"x:latest", IfNotPresent, IfNotPresent},
		{"x:1.2", Always, Always},
		{"x", Never, Never},
		{"x", "always", "always"},
	} {
		if got := Effective(test.image, test.written); got != test.want {
			t.Errorf("Effective(%q, %q) = %s, want %s", test.image, test.written, got, test.want)
		}
	}
}

func TestParseImagePinned(t *testing.T) {
	for image, want := range map[string]bool{
		"x@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08":                                                                 true,
		"x:1.2@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08":                                                             true,
		"x@sha512:ee26b0dd4af7e749aa1a8ee3c10ae9923f618980772e473f8819a5d4940e0db27ac185f8a0e1d5f84f88bc887fd67b143732c304cc5fa9ad8e6f57f50028a8ff": true,
		"x:1.2":          false,
		"x@sha256:abc":   false,
		"x@sha256:":      false,
		"sha256:abc":     false,
		"x@md5:00000000": false,
	} {
		if _, got := parseImage(image); got != want {
			t.Errorf("parseImage(%q): pinned %v, want %v", image, got, want)
		}
	}
}
