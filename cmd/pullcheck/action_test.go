package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/pullcheck/pullcheck/internal/githubtest"
)

// action is the part of action.yml that GitHub's runner reads.
type action struct {
	Inputs map[string]struct {
		Description string
		Default     string
	}
	Outputs map[string]struct{ Description string }
	Runs    struct {
		Env  map[string]string
		Args []string
	}
}

// readAction reads action.yml.
func readAction(t *testing.T) *action {
	t.Helper()
	data, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	a := &action{}
	if err := yaml.Unmarshal(data, a); err != nil {
		t.Fatal(err)
	}
	return a
}

// expression matches the two forms of GitHub's expressions that action.yml has: ${{ inputs.NAME }}, and a form that
// writes a flag with the input, or another text if the input is empty.
var expression = regexp.MustCompile(`\$\{\{ inputs\.([a-z-]+)(?: && format\('([^']*)\{0}', inputs\.([a-z-]+)\) \|\| '([^']*)')? }}`)

// evaluate replaces the expressions in a text. given are the inputs that a workflow gives; others have their defaults.
func (a *action) evaluate(t *testing.T, text string, given map[string]string) string {
	t.Helper()
	value := func(name string) string {
		input, ok := a.Inputs[name]
		if !ok {
			t.Errorf("%s: there is no such input", text)
		}
		if given, ok := given[name]; ok {
			return given
		}
		return input.Default
	}
	text = expression.ReplaceAllStringFunc(text, func(found string) string {
		parts := expression.FindStringSubmatch(found)
		switch {
		case parts[3] == "":
			return value(parts[1])
		case value(parts[1]) == "":
			return parts[4]
		}
		return parts[2] + value(parts[3])
	})
	if strings.Contains(text, "inputs.") {
		t.Errorf("%s: this test cannot evaluate that", text)
	}
	return text
}

// TestActionRunsTheProgram runs the program as action.yml says, with the default inputs and with other inputs.
func TestActionRunsTheProgram(t *testing.T) {
	a := readAction(t)
	for name, test := range map[string]struct {
		given  map[string]string
		code   int
		state  string
		report string
	}{
		"defaults": {nil, exitFindings, "COMMENTED", ""},
		"inputs": {map[string]string{"fail-on": "error", "trust": "base", "request-changes": "true", "kube-version": "1.31",
			"load-restrictor": "LoadRestrictionsNone", "report": "a report.json"}, exitFindings, "CHANGES_REQUESTED", "a report.json"},
		"never": {map[string]string{"fail-on": "never", "request-changes": "true"}, exitClean, "COMMENTED", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReviewed(t, false)
			var args []string
			for _, arg := range a.Runs.Args {
				args = append(args, a.evaluate(t, arg, test.given))
			}
			token := a.evaluate(t, a.Runs.Env["GITHUB_TOKEN"], map[string]string{"token": githubtest.BotToken})
			if args[0] != "review" {
				t.Fatalf("args %q", args)
			}
			code, stdout, stderr := r.run(token, args[1:]...)
			if reviews := r.Reviews(); code != test.code || stderr != "" || len(reviews) != 1 || reviews[0].State != test.state {
				t.Fatalf("code %d, reviews %+v\n%s%s", code, reviews, stdout, stderr)
			}
			outputs := map[string]string{}
			written, err := os.ReadFile(r.outputs)
			for line := range strings.Lines(string(written)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				outputs[name] = value
				if _, ok := a.Outputs[name]; !ok {
					t.Errorf("the output %s is not in action.yml", name)
				}
			}
			if err != nil || len(outputs) != len(a.Outputs) || outputs["report"] != test.report {
				t.Errorf("outputs %v, expected those in action.yml: %v", outputs, err)
			}
			if test.report == "" {
				return
			}
			if report, err := os.ReadFile(filepath.Join(r.dir, test.report)); err != nil || !bytes.HasPrefix(report, []byte("{")) {
				t.Errorf("report %.20q: %v", report, err)
			}
		})
	}
}

// TestActionInputsHaveTheDefaultsOfFlags: an input for a flag has the default of the flag, and each input has a
// description.
func TestActionInputsHaveTheDefaultsOfFlags(t *testing.T) {
	a := readAction(t)
	var help bytes.Buffer
	c := &Command{Stdin: strings.NewReader(""), Stdout: &help, Stderr: &help}
	c.Run(context.Background(), []string{"review", "--help"})
	used := strings.Join(a.Runs.Args, " ") + a.Runs.Env["GITHUB_TOKEN"]
	for name, input := range a.Inputs {
		if input.Description == "" || !strings.Contains(used, "inputs."+name+" ") {
			t.Errorf("the input %s is not described or not used", name)
		}
		if name == "token" {
			continue
		}
		flag := regexp.MustCompile(`(?m)^ +(-\w, )?--` + name + `\b.*$`).FindString(help.String())
		value := regexp.MustCompile(`\(default "?([^")]*)"?\)$`).FindStringSubmatch(flag)
		if flag == "" || input.Default != "" && input.Default != "false" && (value == nil || value[1] != input.Default) {
			t.Errorf("the input %s has the default %q, the flag %q", name, input.Default, flag)
		}
	}
	if token := a.Inputs["token"].Default; token != "${{ github.token }}" {
		t.Errorf("the default of the token is %q", token)
	}
	for name, output := range a.Outputs {
		if output.Description == "" {
			t.Errorf("the output %s is not described", name)
		}
	}
}

// TestReadmeDocumentsTheAction: the workflow in the README uses inputs that exist, and the tables there list all
// inputs and outputs.
func TestReadmeDocumentsTheAction(t *testing.T) {
	a := readAction(t)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## In a workflow\n")
	section, _, _ = strings.Cut(section, "\n## ")
	_, block, _ := strings.Cut(section, "\n```yaml\n")
	block, _, _ = strings.Cut(block, "```\n")
	var workflow struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			Steps []struct {
				Uses string
				With map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(block), &workflow); err != nil {
		t.Fatal(err)
	}
	if len(workflow.Permissions) != 2 || workflow.Permissions["contents"] != "read" || workflow.Permissions["pull-requests"] != "write" {
		t.Errorf("permissions %v", workflow.Permissions)
	}
	steps := 0
	for _, job := range workflow.Jobs {
		for _, step := range job.Steps {
			if !strings.HasPrefix(step.Uses, "pullcheck/pullcheck@") {
				continue
			}
			steps++
			for name := range step.With {
				if _, ok := a.Inputs[name]; !ok {
					t.Errorf("the workflow gives %s, which is no input", name)
				}
			}
		}
	}
	if steps != 1 {
		t.Errorf("%d steps use the Action", steps)
	}
	for name, input := range a.Inputs {
		row := regexp.MustCompile("(?m)^\\| `" + name + "` \\|.*$").FindString(section)
		if row == "" || !strings.Contains(row, input.Default) {
			t.Errorf("no row has the input %s with its default %s", name, input.Default)
		}
	}
	for name := range a.Outputs {
		if !strings.Contains(section, "\n| `"+name+"` |") {
			t.Errorf("no row has the output %s", name)
		}
	}
}
