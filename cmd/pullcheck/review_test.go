package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pullcheck/pullcheck/internal/githubtest"
)

const reviewedChart = "apiVersion: v2\nname: api\nversion: 1.0.0\n"

const reviewedTemplate = `apiVersion: v1
kind: Pod
metadata: {name: api}
spec:
  containers:
  - name: api
    image: example/api:1
    imagePullPolicy: {{ .Values.policy }}
`

const reviewedPod = "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec:\n  containers:\n  - name: b\n    image: example/b:1\n"

// reviewed is a run of a workflow: a clone of the merge commit without history, and the environment that GitHub sets.
type reviewed struct {
	*githubtest.Server
	t       *testing.T
	outputs string
	dir     string // the clone of the last run
}

func newReviewed(t *testing.T, fork bool) *reviewed {
	t.Helper()
	s := githubtest.New(t, map[string]string{"api/Chart.yaml": reviewedChart, "api/values.yaml": "policy: Always\n", "api/templates/pod.yaml": reviewedTemplate, "x": "x\n"})
	first := s.Commit(s.Main(), map[string]string{"y": "y\n"})
	head := s.Commit(first, map[string]string{"api/values.yaml": "policy: IfNotPresent\n", "pod.yaml": reviewedPod})
	if fork {
		s.OpenFromFork(head)
	} else {
		s.Open(head)
	}
	return &reviewed{Server: s, t: t, outputs: filepath.Join(t.TempDir(), "outputs")}
}

// run runs the program as a step of the workflow, with a token.
func (r *reviewed) run(token string, args ...string) (code int, stdout, stderr string) {
	r.t.Helper()
	dir := r.t.TempDir()
	git := func(args ...string) {
		r.t.Helper()
		if output, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			r.t.Fatalf("git %v: %v %s", args, err, output)
		}
	}
	git("init", "--quiet")
	git("remote", "add", "origin", "file://"+r.Dir())
	git("fetch", "--quiet", "--depth=1", "origin", "refs/pull/1/merge")
	git("checkout", "--quiet", "FETCH_HEAD")
	event := filepath.Join(r.t.TempDir(), "event.json")
	if err := os.WriteFile(event, r.Event("synchronize"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	env := os.Environ()
	for name, value := range map[string]string{
		"GITHUB_EVENT_PATH": event, "GITHUB_API_URL": r.APIURL(), "GITHUB_GRAPHQL_URL": r.GraphQLURL(), "GITHUB_SERVER_URL": r.ServerURL(),
		"GITHUB_TOKEN": token, "GITHUB_OUTPUT": r.outputs, "GITHUB_STEP_SUMMARY": r.outputs + ".md", "XDG_CACHE_HOME": r.t.TempDir(),
	} {
		env = append(env, name+"="+value)
	}
	var out, err bytes.Buffer
	c := &Command{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Dir: dir, Env: env}
	r.dir = dir
	code = c.Run(context.Background(), append([]string{"review"}, args...))
	if strings.Contains(out.String()+err.String(), token) {
		r.t.Errorf("the token is printed")
	}
	return code, out.String(), err.String()
}

func contains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", what, want, text)
		}
	}
}

// TestReviewIsWrittenOnce: the first run writes comments with suggestions, outputs and a job summary. The second run
// writes nothing. After the suggestions were applied, there are no findings and no comments.
func TestReviewIsWrittenOnce(t *testing.T) {
	r := newReviewed(t, false)
	code, stdout, stderr := r.run(githubtest.BotToken, "--report", "json=report.json")
	comments := r.ReviewComments()
	if code != exitFindings || stderr != "" || len(comments) != 2 || len(r.Notifications()) != 1 {
		t.Fatalf("code %d, %d comments, %d notifications\n%s%s", code, len(comments), len(r.Notifications()), stdout, stderr)
	}
	contains(t, "comment", comments[0].Body, "```suggestion\npolicy: Always\n```", r.ServerURL()+"/acme/apps/blob/"+r.Head()+"/api/templates/pod.yaml#L8")
	if strings.Contains(stdout, "::error") {
		t.Errorf("there are annotations beside the comments:\n%s", stdout)
	}
	outputs, err := os.ReadFile(r.outputs)
	if err != nil || string(outputs) != "findings=2\nnew-findings=2\nfailures=0\nreport=report.json\n" {
		t.Errorf("outputs %q %v", outputs, err)
	}
	summary, err := os.ReadFile(r.outputs + ".md")
	contains(t, "job summary", string(summary), "2 new findings", "api/values.yaml:1", "pod.yaml:7")
	if err != nil {
		t.Error(err)
	}

	writes := len(r.Writes())
	if code, _, _ := r.run(githubtest.BotToken); code != exitFindings || len(r.Writes()) != writes {
		t.Errorf("second run: code %d, %d writes", code, len(r.Writes())-writes)
	}
	if _, err := r.ApplySuggestions(comments[0].ID, comments[1].ID); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := r.run(githubtest.BotToken); code != exitClean || len(r.ReviewComments()) != 0 {
		t.Errorf("after the suggestions: code %d, %d comments\n%s%s", code, len(r.ReviewComments()), stdout, stderr)
	}
}

// TestReviewOfForkIsPrinted: the token of a fork may only read. The program prints the findings as annotations and
// writes them to the job summary.
func TestReviewOfForkIsPrinted(t *testing.T) {
	r := newReviewed(t, true)
	code, stdout, stderr := r.run(githubtest.ReadToken)
	if code != exitFindings || len(r.ReviewComments()) != 0 {
		t.Errorf("code %d, %d comments", code, len(r.ReviewComments()))
	}
	contains(t, "standard error", stderr, "no review was written: the token may not write reviews")
	contains(t, "annotations", stdout, "::error title=pullcheck%3A pull-policy-not-always,file=api/values.yaml,line=1::", "file=pod.yaml,line=7::")
	summary, err := os.ReadFile(r.outputs + ".md")
	contains(t, "job summary", string(summary), "2 new findings")
	if err != nil {
		t.Error(err)
	}
}

// TestDryRunAsksNothing: --dry-run writes nothing and sends GitHub no request. The error for a clone that lacks the
// history has a hint with the command that fetches it.
func TestDryRunAsksNothing(t *testing.T) {
	r := newReviewed(t, false)
	code, _, stderr := r.run(githubtest.BotToken, "--dry-run")
	contains(t, "standard error", stderr, "this clone lacks it", "hint: git fetch")
	if code != exitFailures || len(r.Requests()) != 0 {
		t.Errorf("code %d, %d requests", code, len(r.Requests()))
	}
}

// TestReviewRendersAffectedSourcesOnly: in a repository of forty apps, only the sources that the pull request affects
// are rendered, and findings that were there before are not reported.
func TestReviewRendersAffectedSourcesOnly(t *testing.T) {
	archive, err := txtar.ParseFile("../../testdata/forty-apps.txtar")
	if err != nil {
		t.Fatal(err)
	}
	before, after := map[string]string{}, map[string]string{}
	for _, file := range archive.Files {
		if name, ok := strings.CutPrefix(file.Name, "pull/"); ok {
			after[name] = string(file.Data)
		} else {
			before[file.Name] = string(file.Data)
		}
	}
	s := githubtest.New(t, before)
	s.Open(s.Commit(s.Main(), after))
	r := &reviewed{Server: s, t: t, outputs: filepath.Join(t.TempDir(), "outputs")}
	code, stdout, stderr := r.run(githubtest.BotToken)
	if code != exitFindings || stderr != "" {
		t.Errorf("code %d\n%s", code, stderr)
	}
	contains(t, "standard output", stdout, "3 findings (3 errors) in 6 containers; sources: 5 rendered, 0 failed, 0 skipped, 96 not affected by the change")
	var places []string
	for _, c := range r.ReviewComments() {
		places = append(places, fmt.Sprintf("%s:%d", c.Path, c.Line))
	}
	slices.Sort(places)
	if want := []string{"apps/chart07/values.yaml:4", "apps/tool03/deployment.yaml:14", "apps/web05/prod/replicas.yaml:11"}; !slices.Equal(places, want) {
		t.Errorf("comments on %q, want %q", places, want)
	}
	// The merge base, what stands there, the draft, whether another run wrote meanwhile, and its submission.
	if n := len(r.Requests()); n != 5 || len(r.Notifications()) != 1 {
		t.Errorf("%d requests, want 5; %d notifications, want 1", n, len(r.Notifications()))
	}
	if r.run(githubtest.BotToken); len(r.Requests()) != 5+2 || len(r.Notifications()) != 1 {
		t.Errorf("after a second run %d requests, want 7; %d notifications, want 1", len(r.Requests()), len(r.Notifications()))
	}
}

// TestSecondPushHidesNothing: a fork cannot take back what the first push has brought to light. A .gitignore over the
// new file, or text of another tool behind its manifest, removes no comment, and the step fails as before.
func TestSecondPushHidesNothing(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"ignored":  {".gitignore": "pod.yaml\n"},
		"template": {"pod.yaml": reviewedPod + "---\n{% x %}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReviewed(t, true)
			if code, stdout, _ := r.run(githubtest.BotToken); code != exitFindings || len(r.ReviewComments()) != 2 {
				t.Fatalf("first push: code %d, %d comments\n%s", code, len(r.ReviewComments()), stdout)
			}
			before := r.ReviewComments()
			r.Push(r.Commit(r.Head(), files))
			code, stdout, stderr := r.run(githubtest.BotToken)
			if after := r.ReviewComments(); code != exitFindings || len(after) != 2 || after[0].ID != before[0].ID || after[1].ID != before[1].ID {
				t.Errorf("second push: code %d, comments %v, before %v\n%s%s", code, after, before, stdout, stderr)
			}
		})
	}
}
