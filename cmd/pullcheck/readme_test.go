package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// readmeCommands returns the commands of this program in the console blocks of the README, with the output shown there.
func readmeCommands(t *testing.T) map[string]string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]string{}
	for _, block := range regexp.MustCompile("(?ms)^( *)```console\n(.*?)^ *```$").FindAllStringSubmatch(string(readme), -1) {
		command := ""
		for line := range strings.Lines(block[2]) {
			line = strings.TrimPrefix(line, block[1])
			if typed, ok := strings.CutPrefix(line, "$ "); ok {
				command = strings.TrimSpace(strings.Replace(typed, "go run ./cmd/pullcheck", "pullcheck", 1))
				commands[command] = ""
			} else {
				commands[command] += line
			}
		}
	}
	for command := range commands {
		if !strings.Contains(command, "pullcheck ") {
			delete(commands, command)
		}
	}
	if len(commands) < 10 {
		t.Fatalf("%d commands were found", len(commands))
	}
	return commands
}

// TestScriptsTypeReadmeCommands: a script runs every command of the README, except the commands on the example. If the
// README shows an output, the script compares the standard output of the command with the same text.
func TestScriptsTypeReadmeCommands(t *testing.T) {
	names, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var scripts []*txtar.Archive
	for _, name := range names {
		script, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, script)
	}
	for command, output := range readmeCommands(t) {
		if strings.Contains(command, "testdata/example") {
			continue
		}
		types := func(script *txtar.Archive) bool { return typesCommand(script, command, output) }
		if !slices.ContainsFunc(scripts, types) {
			t.Errorf("no script types %q and has the output\n%s", command, output)
		}
	}
}

var comparison = regexp.MustCompile(`^cmp (?:stdout|stderr) (?:\$WORK/)?(\S+)$`)

// typesCommand reports whether a script types a command and, if output is not empty, compares what the command prints
// with a file that has the output.
func typesCommand(script *txtar.Archive, command, output string) bool {
	lines := strings.Split(string(script.Comment), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "#") || !strings.HasSuffix(line, command) && !strings.HasSuffix(line, command+"'") {
			continue
		}
		if output == "" {
			return true
		}
		for _, next := range lines[i+1 : min(i+3, len(lines))] {
			compared := comparison.FindStringSubmatch(next)
			if compared != nil && slices.ContainsFunc(script.Files, func(f txtar.File) bool {
				return f.Name == compared[1] && strings.HasPrefix(string(f.Data), strings.TrimSpace(output))
			}) {
				return true
			}
		}
	}
	return false
}

// TestReadmeExampleIsTrue: the commands on the example print the output that the README shows.
func TestReadmeExampleIsTrue(t *testing.T) {
	example, err := filepath.Abs("../../testdata/example")
	if err != nil {
		t.Fatal(err)
	}
	for command, output := range readmeCommands(t) {
		if !strings.Contains(command, "testdata/example") {
			continue
		}
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, "testdata/example"), os.DirFS(example)); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		c := &Command{Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Dir: dir}
		if code := c.Run(context.Background(), strings.Fields(command)[1:]); code != exitClean && code != exitFindings || stdout.Len() == 0 {
			t.Errorf("%s: code %d\n%s", command, code, stderr.String())
		}
		if printed := stderr.String() + stdout.String(); output != "" && printed != output {
			t.Errorf("%s: got\n%s\nwant\n%s", command, printed, output)
		}
	}
}
