package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readmeCommands are the commands of this program in README's console blocks, with what they are shown to print.
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

// TestReadmeCommands: a script types every command of README, but for those on the example.
func TestReadmeCommands(t *testing.T) {
	var scripts strings.Builder
	names, err := filepath.Glob("../../testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(data)
	}
	for command, output := range readmeCommands(t) {
		if strings.Contains(command, "testdata/example") {
			continue
		}
		if !strings.Contains(scripts.String(), command) || !strings.Contains(scripts.String(), output) {
			t.Errorf("no script types %q or has\n%s", command, output)
		}
	}
}

// TestReadmeExample: the commands on the example print what README shows.
func TestReadmeExample(t *testing.T) {
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
