package review

import (
	"testing"

	"github.com/pullcheck/pullcheck/check"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// TestPublicAffected has, for each field, texts that are shown and texts that are not.
func TestPublicAffected(t *testing.T) {
	for _, test := range []struct {
		field func(*check.Affected) *string
		shown []string
		word  string
		cut   []string
	}{
		{func(a *check.Affected) *string { return &a.Written }, []string{"", "Always", "IfNotPresent", "Never", "always", "NEVER"},
			notPolicy, []string{"${POLICY}", "Always ", "s3cret", "Always\nNever"}},
		{func(a *check.Affected) *string { return &a.Effective }, []string{"Always"}, notPolicy, []string{"s3cret"}},
		{func(a *check.Affected) *string { return &a.Image }, []string{"", "x", "example.com:5000/a/b:1", "x@sha256:" + digest},
			notImage, []string{"S3cret", "a b", "x:", "{{ x }}"}},
		{func(a *check.Affected) *string { return &a.Name }, []string{"", "api", "api-1.x", "job-"}, notName, []string{"S3cret", "a b", "a_b", "a\n"}},
		{func(a *check.Affected) *string { return &a.Namespace }, []string{"", "prod"}, notName, []string{"S3cret"}},
		{func(a *check.Affected) *string { return &a.Container }, []string{"", "api", "volume:models"}, notName, []string{"S3cret", "volume:S3cret", "volume" + ":" + "a b"}},
		{func(a *check.Affected) *string { return &a.Kind }, []string{"Pod", "CronJob", "Kafka2"}, notName, []string{"pod", "Pod/x", "a b", "S3cret!"}},
		{func(a *check.Affected) *string { return &a.Environment },
			[]string{"", "prod", "a b", "Application/web", "Application/web (2)", "Application/web of apps/web.yaml", "Application/web of apps/web.yaml (2)"},
			"Application/" + notName, []string{"Application/S3cret", "Application/s3 cret!", "Application/a of b c"}},
		{func(a *check.Affected) *string { return &a.Source }, []string{"charts/a b", "charts/api"}, notPath, []string{"down loaded"}},
	} {
		for i, text := range append(test.shown, test.cut...) {
			f := check.Finding{Rule: "pull-policy-not-always", Message: "m", Affected: []check.Affected{{Kind: "Pod"}}}
			*test.field(&f.Affected[0]) = text
			report := &check.Report{Findings: []check.Finding{f}, Sources: []check.SourceStatus{{Path: "down loaded", Downloaded: true}}}
			got := Input{Report: report}.Public().Report.Findings[0]
			want, message := text, "m"
			if i >= len(test.shown) {
				want, message = test.word, summaryOf(f.Rule)
			}
			if shown := *test.field(&got.Affected[0]); shown != want || got.Message != message {
				t.Errorf("%q: got %q and the message %q, want %q and %q", text, shown, got.Message, want, message)
			}
			if *test.field(&f.Affected[0]) != text {
				t.Errorf("%q: the report itself has changed", text)
			}
		}
	}
}

const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// TestPublicReport: messages of sources with downloads, lines of files that are not in the repository, and fixes that
// write a name which is not shown, are left out.
func TestPublicReport(t *testing.T) {
	own, other := yamldoc.Location{Path: "a", Line: 1, Snippet: "s", Tracked: true}, yamldoc.Location{Path: "b", Line: 1, Snippet: "s", Above: "s"}
	in := Input{
		Report: &check.Report{
			Findings: []check.Finding{
				{Decision: own, Via: []yamldoc.Location{other}, Fix: &check.Fix{}, Affected: []check.Affected{{Kind: "Pod", Written: "${x}"}}},
				{Decision: other, Fix: &check.Fix{}, Affected: []check.Affected{{Kind: "Pod", Name: "S3cret"}}},
			},
			Failures: []check.Failure{{Source: "a", Message: "m", Hint: "h"}, {Source: "b", Message: "m", Hint: "h", Downloaded: true}},
			Sources:  []check.SourceStatus{{Path: "a", Reason: "m"}, {Path: "b", Reason: "m", Downloaded: true}},
		},
		SuppressedByChange: []check.Suppression{{Finding: check.Finding{Decision: other}, Location: other}},
	}
	public := in.Public()
	r := public.Report
	if f := r.Findings[0]; f.Decision.Snippet != "s" || f.Via[0].Snippet != "" || f.Via[0].Above != "" || f.Fix == nil {
		t.Errorf("first finding: %+v", f)
	}
	if f := r.Findings[1]; f.Decision.Snippet != "" || f.Fix != nil {
		t.Errorf("second finding: %+v", f)
	}
	if r.Failures[0].Message != "m" || r.Failures[0].Hint != "h" || r.Failures[1].Message != notShown || r.Failures[1].Hint == "h" {
		t.Errorf("failures: %+v", r.Failures)
	}
	if r.Sources[0].Reason != "m" || r.Sources[1].Reason != notShown {
		t.Errorf("sources: %+v", r.Sources)
	}
	if s := public.SuppressedByChange[0]; s.Location.Snippet != "" || s.Finding.Decision.Snippet != "" {
		t.Errorf("suppression: %+v", s)
	}
	if in.Report.Findings[1].Fix == nil || in.Report.Failures[1].Message != "m" {
		t.Error("the report itself has changed")
	}
}
