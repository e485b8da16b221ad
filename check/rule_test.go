package check

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

const sum = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// TestRules has each row of the policy table.
func TestRules(t *testing.T) {
	for _, test := range []struct {
		image, policy string // the policy as it stands in the manifest
		rule, message string
	}{
		{"x:1.2", "Always", "", ""},
		{"x:latest", "Always", "", ""},
		{"x@" + sum, "Always", "", ""},
		{"x:latest@" + sum, "", "", ""},

		{"x:1.2", "IfNotPresent", "pull-policy-not-always",
			"imagePullPolicy is IfNotPresent: a node that already has the image starts it without asking the registry"},
		{"x:latest", "IfNotPresent", "pull-policy-not-always",
			"imagePullPolicy is IfNotPresent: a node that already has the image starts it without asking the registry"},
		{"x:1.2", "Never", "pull-policy-not-always",
			"imagePullPolicy is Never: a node never asks the registry and starts only an image that it already has"},
		{"x:1.2", "", "pull-policy-not-always",
			"imagePullPolicy is not set and the tag 1.2 makes it IfNotPresent: a node that already has the image starts it without asking the registry"},
		{"x:1.2", `""`, "pull-policy-not-always",
			"imagePullPolicy is not set and the tag 1.2 makes it IfNotPresent: a node that already has the image starts it without asking the registry"},
		{"x:1.2", "null", "pull-policy-not-always",
			"imagePullPolicy is not set and the tag 1.2 makes it IfNotPresent: a node that already has the image starts it without asking the registry"},
		{"team/X:latest", "", "pull-policy-not-always",
			`imagePullPolicy is not set and the image "team/X:latest" is no valid reference, which makes it IfNotPresent: a node that already has the image starts it without asking the registry`},
		{"", "", "pull-policy-not-always",
			`imagePullPolicy is not set and the image "" is no valid reference, which makes it IfNotPresent: a node that already has the image starts it without asking the registry`},
		{"x@sha256:abc", "", "pull-policy-not-always",
			`imagePullPolicy is not set and the image "x@sha256:abc" is no valid reference, which makes it IfNotPresent: a node that already has the image starts it without asking the registry`},

		{"x:latest", "", "pull-policy-unset",
			"imagePullPolicy is not set: only the tag latest makes it Always today, and any other tag makes it IfNotPresent"},
		{"example.com:5000/x", "", "pull-policy-unset",
			"imagePullPolicy is not set: only the missing tag makes it Always today, and any tag but latest makes it IfNotPresent"},

		{"x:1.2", "always", "pull-policy-invalid", `imagePullPolicy "always" is not Always, IfNotPresent or Never: the API server refuses the object`},
		{"x:1.2", "'Always '", "pull-policy-invalid", `imagePullPolicy "Always " is not Always, IfNotPresent or Never: the API server refuses the object`},
		{"x:1.2", "true", "pull-policy-invalid", `imagePullPolicy "true" is not Always, IfNotPresent or Never: the API server refuses the object`},
		{"x:1.2", "1", "pull-policy-invalid", `imagePullPolicy "1" is not Always, IfNotPresent or Never: the API server refuses the object`},
		{"x:1.2", "{a: b}", "pull-policy-invalid", `imagePullPolicy "{…}" is not Always, IfNotPresent or Never: the API server refuses the object`},
		{"x@" + sum, "ifnotpresent", "pull-policy-invalid", `imagePullPolicy "ifnotpresent" is not Always, IfNotPresent or Never: the API server refuses the object`},
		{"x", "$(params.policy)", "pull-policy-invalid",
			`imagePullPolicy "$(params.policy)" is not Always, IfNotPresent or Never: unless something puts one of them in its place, the API server refuses the object`},

		{"x@" + sum, "", "pull-policy-digest",
			"imagePullPolicy is not set and the digest makes it IfNotPresent: the digest keeps the bytes the same, but a node that has them starts them without asking the registry whether it still may"},
		{"x:1.2@" + sum, "IfNotPresent", "pull-policy-digest",
			"imagePullPolicy is IfNotPresent: the digest keeps the bytes the same, but a node that has them starts them without asking the registry whether it still may"},
		{"x:latest@" + sum, "Never", "pull-policy-digest",
			"imagePullPolicy is Never: the digest keeps the bytes the same, but a node that has them starts them without asking the registry whether it still may"},
	} {
		t.Run(test.image+" "+test.policy, func(t *testing.T) {
			text := "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: '" + test.image + "'"
			if test.policy != "" {
				text += ", imagePullPolicy: " + test.policy
			}
			hits, containers := Run(raw.Source{}, parse(t, text+"}]}\n"))
			if containers != 1 {
				t.Fatalf("%d containers, want 1", containers)
			}
			rule, message := "", ""
			if len(hits) > 0 {
				rule, message = hits[0].Rule.ID, hits[0].Message
			}
			if len(hits) > 1 || rule != test.rule || message != test.message {
				t.Errorf("got %d hits, %s %q\nwant %s %q", len(hits), rule, message, test.rule, test.message)
			}
		})
	}
}

// TestMessagesNameFieldAndOperator: the messages about an image volume name its own field, and the messages about a
// custom resource say that the operator sets the default.
func TestMessagesNameFieldAndOperator(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{
			"apiVersion: v1\nkind: Pod\nspec: {volumes: [{name: v, image: {reference: 'x:1', pullPolicy: IfNotPresent}}]}",
			"pull-policy-not-always: pullPolicy is IfNotPresent: a node that already has the image mounts it without asking the registry",
		},
		{
			"apiVersion: v1\nkind: Pod\nspec: {volumes: [{name: v, image: {reference: 'x'}}]}",
			"pull-policy-unset: pullPolicy is not set: only the missing tag makes it Always today, and any tag but latest makes it IfNotPresent",
		},
		{ // the operator's default, whatever the tag
			"apiVersion: minio.min.io/v2\nkind: Tenant\nspec: {image: 'x:latest'}",
			"pull-policy-not-always: imagePullPolicy is not set and the operator makes it IfNotPresent: a node that already has the image starts it without asking the registry",
		},
		{ // likewise
			"apiVersion: dragonflydb.io/v1alpha1\nkind: Dragonfly\nspec: {image: 'x:1'}",
			"",
		},
	} {
		got := ""
		for _, hit := range first(Run(raw.Source{}, parse(t, test.text))) {
			got += hit.Rule.ID + ": " + hit.Message
		}
		if got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.text, got, test.want)
		}
	}
}

func first(hits []Hit, _ int) []Hit { return hits }

// TestAtMostOneRule: no container breaks two rules, whatever is written.
func TestAtMostOneRule(t *testing.T) {
	for _, image := range []string{"", "x", "x:1", "x:latest", "x@" + sum, "x:latest@" + sum, "X"} {
		for _, written := range []string{"", Always, IfNotPresent, Never, "always", "${x}"} {
			for _, unset := range []string{"", Always, IfNotPresent} {
				w := walker{}
				w.add(Container{Image: image, Default: unset, Field: yamldoc.Path{yamldoc.Key("imagePullPolicy")}}, scalar(written), nil)
				var rules []string
				for _, rule := range Rules {
					if rule.message != nil && rule.message(w.found[0]) != "" {
						rules = append(rules, rule.ID)
					}
				}
				if wrong := w.found[0].Effective != Always; len(rules) > 1 || wrong && len(rules) == 0 {
					t.Errorf("image %q, policy %q, default %q: rules %v", image, written, unset, rules)
				}
			}
		}
	}
}

// TestRuleTable has the table that reports and configuration rely on.
func TestRuleTable(t *testing.T) {
	var got []string
	for _, rule := range Rules {
		got = append(got, rule.ID+" "+rule.Severity.String())
		if !strings.HasPrefix(rule.Doc, "# "+rule.ID+"\n\nSeverity: "+rule.Severity.String()+".") {
			t.Errorf("the documentation of %s does not begin with its name and severity", rule.ID)
		}
		if rule.Summary == "" || strings.Contains(rule.Summary, "\n") || strings.HasSuffix(rule.Summary, ".") {
			t.Errorf("%s: the summary is no sentence on a line, without a full stop: %q", rule.ID, rule.Summary)
		}
	}
	want := []string{"pull-policy-not-always error", "pull-policy-unset warning", "pull-policy-invalid error", "pull-policy-digest note",
		"pull-policy-unreached note"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

var example = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestRuleDocs checks the examples in the documentation of each rule about containers.
func TestRuleDocs(t *testing.T) {
	for _, rule := range Rules {
		if rule.message == nil {
			continue
		}
		t.Run(rule.ID, func(t *testing.T) {
			_, doc, _ := strings.Cut(rule.Doc, "\n## Bad\n")
			bad, doc, _ := strings.Cut(doc, "\n## Good\n")
			good, _, ok := strings.Cut(doc, "\n## How to fix it\n")
			if !ok {
				t.Fatal("the sections Bad, Good and How to fix it are not there, or not in this order")
			}
			for _, section := range []struct {
				text string
				want []string
			}{{bad, []string{rule.ID}}, {good, nil}} {
				examples := example.FindAllStringSubmatch(section.text, -1)
				if len(examples) == 0 {
					t.Error("a section has no example")
				}
				for _, match := range examples {
					var got []string
					hits, containers := Run(raw.Source{}, parse(t, match[1]))
					for _, hit := range hits {
						got = append(got, hit.Rule.ID)
					}
					if containers == 0 || !slices.Equal(got, section.want) {
						t.Errorf("got %v in %d containers, want %v:\n%s", got, containers, section.want, match[1])
					}
				}
			}
		})
	}
}

func TestSeverity(t *testing.T) {
	if !(SeverityNote < SeverityWarning && SeverityWarning < SeverityError && SeverityError < SeverityNever) {
		t.Error("severities are out of order")
	}
	for _, text := range []string{"note", "warning", "error", "never"} {
		severity, err := ParseSeverity(text)
		marshalled, _ := severity.MarshalText()
		if err != nil || string(marshalled) != text {
			t.Errorf("ParseSeverity(%q) = %s, %v", text, marshalled, err)
		}
	}
	for _, text := range []string{"", "Error", "fatal"} {
		_, err := ParseSeverity(text)
		if err == nil || !strings.Contains(err.Error(), "expected error, warning, note or never") {
			t.Errorf("ParseSeverity(%q): %v", text, err)
		}
	}
}
