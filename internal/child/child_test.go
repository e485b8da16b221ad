package child_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pullcheck/pullcheck/internal/child"
)

// TestMain runs the test binary as a program that supervises itself, if PULLCHECK_TEST_UNITS names its units.
func TestMain(m *testing.M) {
	units := os.Getenv("PULLCHECK_TEST_UNITS")
	if units == "" {
		os.Exit(m.Run())
	}
	path := os.Getenv(child.Variable)
	if path == "" {
		code, err := child.Supervise(os.Environ())
		if err != nil {
			fmt.Println("error:", err)
			code = 99
		}
		os.Exit(code)
	}
	ctx, err := child.Open(context.Background(), path)
	if err != nil {
		panic(err)
	}
	timeout := time.Minute
	if strings.Contains(units, "endless") || strings.Contains(units, "patient") {
		timeout = 2 * time.Second
	}
	child.Limit(ctx, child.Limits{Timeout: timeout, Memory: 256 << 20})
	runUnits(ctx, strings.Fields(units))
	child.Finish(ctx)
	os.Exit(7)
}

// runUnits runs units at the same time, and prints how each one ended, in the order of their names.
func runUnits(ctx context.Context, names []string) {
	input := new(bytes.Buffer)
	if slices.Contains(names, "stdin") {
		_, _ = input.ReadFrom(child.Stdin(ctx, os.Stdin))
	}
	if slices.Contains(names, "outside") {
		os.Exit(5)
	}
	if slices.Contains(names, "last") {
		fmt.Println(child.Keep(ctx, "count", func(context.Context) int {
			fmt.Println("counted")
			for start := time.Now(); time.Since(start) < 5*time.Millisecond; { // A shorter unit would not be kept.
			}
			return 1
		}))
	}
	lines := make(chan string)
	for _, name := range names {
		go func() {
			result, err := child.Keep(ctx, name, func(ctx context.Context) encoded { return encoded(work(ctx, name)) })
			if name == "stdin" {
				result = encoded(input.String())
			}
			lines <- fmt.Sprintf("%s: %q %v", name, result, err)
		}()
	}
	var all []string
	for range names {
		all = append(all, <-lines)
	}
	slices.Sort(all)
	fmt.Println(strings.Join(all, "\n"))
}

// encoded is the result of a unit. To encode that of the unit "encode" ends the process.
type encoded string

// GobEncode implements gob.GobEncoder.
func (e encoded) GobEncode() ([]byte, error) {
	if e == "encode" {
		os.Exit(4)
	}
	return []byte(e), nil
}

// GobDecode implements gob.GobDecoder.
func (e *encoded) GobDecode(text []byte) error {
	*e = encoded(text)
	return nil
}

// work does what the name of a unit says, and returns the number of the process.
func work(ctx context.Context, name string) string {
	kind, _, _ := strings.Cut(name, "-")
	switch kind {
	case "endless":
		for i := 0; ; i++ {
			runtime.KeepAlive(i)
		}
	case "patient": // It ends when its context does, as a download does.
		<-ctx.Done()
	case "memory":
		var all [][]byte
		for {
			all = append(all, bytes.Repeat([]byte("x"), 1<<20))
			runtime.KeepAlive(all)
		}
	case "huge":
		runtime.KeepAlive(bytes.Repeat([]byte("x"), 1<<34))
	case "stack":
		return endless(0)
	case "exit", "last":
		os.Exit(3)
	case "encode":
		for start := time.Now(); time.Since(start) < 5*time.Millisecond; { // The result of a shorter unit is not encoded.
		}
		return name
	case "ready":
		fmt.Println("ready")
		select {}
	}
	return "done"
}

// endless calls itself without end if n is not negative.
func endless(n int) string {
	if n < 0 {
		return ""
	}
	return endless(n+1) + "x"
}

// supervised runs the test binary with units, and returns what it prints and its exit code.
func supervised(t *testing.T, stdin, units string) (output string, code int) {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "PULLCHECK_TEST_UNITS="+units, "TMPDIR="+t.TempDir(), "GORACE=atexit_sleep_ms=0")
	command.Stdin = strings.NewReader(stdin)
	stdout, err := command.Output()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(environment(command, "TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v behind, %v", left, err)
	}
	return string(stdout), command.ProcessState.ExitCode()
}

func environment(command *exec.Cmd, name string) (value string) {
	for _, variable := range command.Env {
		if after, ok := strings.CutPrefix(variable, name+"="); ok {
			value = after
		}
	}
	return value
}

// TestSupervise: a unit that kills the process or does not end costs only itself, whatever runs beside it, and the exit
// code is that of the last child.
func TestSupervise(t *testing.T) {
	const late, memory = `"" took longer than 2s`, `"" needs more than 256Mi of memory`
	for _, test := range []struct {
		units string
		want  []string
	}{
		{"a b", []string{`a: "done" <nil>`, `b: "done" <nil>`}},
		{"a endless", []string{`a: "done" <nil>`, "endless: " + late}},
		{"a patient", []string{`a: "done" <nil>`, "patient: " + late}},
		{"a memory", []string{`a: "done" <nil>`, "memory: " + memory}},
		{"a exit", []string{`a: "done" <nil>`, `exit: "" ended the process: exit status 3`}},
		{"a encode", []string{`a: "done" <nil>`, `encode: "" ended the process: exit status 4`}},
		{"a stack", []string{`a: "done" <nil>`, `stack: "" `}},
		{"endless-1 endless-2 memory-1 memory-2 z", []string{"endless-1: " + late, "endless-2: " + late, "memory-1: ", "memory-2: ", `z: "done" <nil>`}},
	} {
		t.Run(test.units, func(t *testing.T) {
			t.Parallel()
			output, code := supervised(t, "", test.units)
			lines := strings.Split(strings.TrimSpace(output), "\n")
			if code != 7 || len(lines) != len(test.want) {
				t.Fatalf("the exit code is %d, and the output:\n%s", code, output)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) || strings.HasSuffix(want, " ") && strings.HasSuffix(lines[i], "<nil>") {
					t.Errorf("got %s, want %s", lines[i], want)
				}
			}
		})
	}
}

// TestSuperviseSingleAllocation: an allocation that is larger than the memory of the machine fails at once.
func TestSuperviseSingleAllocation(t *testing.T) {
	t.Parallel()
	if output, code := supervised(t, "", "a huge"); code != 7 || output != "a: \"done\" <nil>\nhuge: \"\" needs more than 256Mi of memory\n" {
		t.Errorf("the exit code is %d, and the output:\n%s", code, output)
	}
}

// TestKeep: the result of a unit that has ended is there for the next child, and the unit is not run again.
func TestKeep(t *testing.T) {
	t.Parallel()
	want := "counted\n1 <nil>\n1 <nil>\nlast: \"\" ended the process: exit status 3\n"
	if output, code := supervised(t, "", "last"); code != 7 || output != want {
		t.Errorf("the exit code is %d, and the output:\n%s", code, output)
	}
}

// TestSuperviseReadsStdinOnce: standard input that a dead child has read is there for the next child.
func TestSuperviseReadsStdinOnce(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"hello", ""} {
		output, code := supervised(t, input, "stdin exit")
		if code != 7 || !strings.Contains(output, fmt.Sprintf("stdin: %q <nil>", input)) {
			t.Errorf("the exit code is %d, and the output:\n%s", code, output)
		}
	}
}

// TestSuperviseInterrupted: a signal ends the child, and no other child is started.
func TestSuperviseInterrupted(t *testing.T) {
	t.Parallel()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "PULLCHECK_TEST_UNITS=ready", "TMPDIR="+t.TempDir())
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("it prints %q", lines.Text())
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "error: "+child.ErrInterrupted.Error() {
		t.Errorf("it prints %q", lines.Text())
	}
	if err := command.Wait(); command.ProcessState.ExitCode() != 99 {
		t.Errorf("it ended with %v", err)
	}
}

// TestSuperviseOutside: a child that dies in no unit is an error, and no other child is started.
func TestSuperviseOutside(t *testing.T) {
	t.Parallel()
	if output, code := supervised(t, "", "outside"); code != 99 || output != "error: the work outside of all sources ended the process: exit status 5\n" {
		t.Errorf("the exit code is %d, and the output:\n%s", code, output)
	}
}

// TestDoWithoutJournal: in another program, units run as they are, and end with the context.
func TestDoWithoutJournal(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	if got, err := child.Do(ctx, "a", func(context.Context) int { return 1 }); got != 1 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
	started := make(chan bool)
	go func() {
		<-started
		cancel()
	}()
	_, err := child.Do(ctx, "b", func(context.Context) int {
		close(started)
		select {}
	})
	if err != child.ErrInterrupted {
		t.Errorf("got %v", err)
	}
	if _, err := child.Keep(ctx, "c", func(context.Context) int { t.Error("it runs"); return 0 }); err != child.ErrInterrupted {
		t.Errorf("got %v", err)
	}
}

// TestDoPanics: a panic of the work is a panic of Do, in which its caller can recover.
func TestDoPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if value := recover(); value == nil || !strings.HasPrefix(fmt.Sprint(value), "oh\n") {
			t.Errorf("recovered %v", value)
		}
	}()
	_, _ = child.Do(t.Context(), "a", func(context.Context) int { panic("oh") })
}
