package lookup

import "testing"

func TestIsKindAcceptsPluralsAndShortNames(t *testing.T) {
	for _, test := range []struct {
		kind, word string
		want       bool
	}{
		{"Deployment", "deployment", true},
		{"Deployment", "Deployments", true},
		{"Deployment", "DEPLOY", true},
		{"Deployment", "dep", false},
		{"Ingress", "ingresses", true},
		{"Ingress", "ing", true},
		{"NetworkPolicy", "networkpolicies", true},
		{"Gateway", "gateways", true},
		{"Endpoints", "endpoints", true},
		{"Service", "sa", false},
		{"ServiceAccount", "sa", true},
		{"Pod", "", false},
	} {
		if got := isKind(test.kind, test.word); got != test.want {
			t.Errorf("%q for %s: got %t", test.word, test.kind, got)
		}
	}
}

func TestInsteadKeepsTheType(t *testing.T) {
	for value, want := range map[string]string{"3": "4", "-1": "0", "true": "false", "false": "true", "1.2": "other", "": "other", "other": "another"} {
		if got := instead(value); got != want {
			t.Errorf("for %q: got %q, want %q", value, got, want)
		}
	}
}
