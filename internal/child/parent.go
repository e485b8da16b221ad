package child

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// Variable is the name of the environment variable in which a child finds the path of its journal. A process without it
// is no child.
const Variable = "PULLCHECK_JOURNAL"

// pollInterval is how often the parent reads the journal. It bounds how much later than its limit a unit ends.
const pollInterval = 20 * time.Millisecond

// The time for which the child may go on after a unit is late, or after the first signal. A unit that waits for the
// network or for git ends by itself at its limit, and after a signal the child prints what is finished.
const (
	lateGrace   = time.Second / 2
	signalGrace = 6 * time.Second
)

// Supervise runs the program as a child, with the arguments and streams of this process, and starts further children
// until one of them ends on purpose. env is the environment of this process, as os.Environ returns it. It returns the exit code of this child. Interrupt and SIGTERM are passed on. The
// error says why there is no exit code: the child cannot be started, or died outside of all units.
func Supervise(env []string) (code int, err error) {
	dir, err := os.MkdirTemp("", "pullcheck-")
	if err != nil {
		return 0, fmt.Errorf("no temporary file for the journal: %w", err)
	}
	defer os.RemoveAll(dir)
	executable, err := os.Executable()
	if err != nil {
		return 0, err
	}
	s := &supervisor{dir: dir, executable: executable, env: env, open: map[string]*unit{}, alone: map[string]bool{}}
	if s.journal, err = os.OpenFile(s.path("journal"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return 0, err
	}
	defer s.journal.Close()
	s.reader.file = s.journal
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	for {
		code, err := s.run(signals)
		if err != nil || s.finished {
			return code, err
		}
		if s.interrupted {
			return 0, ErrInterrupted
		}
		if err := s.judge(); err != nil {
			return 0, err
		}
	}
}

// supervisor is the state of one Supervise.
type supervisor struct {
	dir, executable string
	env             []string // of this process
	journal         *os.File
	reader          follower
	alone           map[string]bool // units that are run alone from now on

	// These are of the child that runs now.
	open     map[string]*unit // units that have begun and not ended
	finished bool             // It has ended on purpose.
	memory   uint64           // its limit in bytes; 0 without a limit
	exceeded bool             // It has ended because it needed more memory.
	late     bool             // It is killed because a unit was late.
	state    *os.ProcessState // how it has ended

	interrupted bool // A signal was passed on.
}

// unit is a unit that has begun.
type unit struct {
	limit    time.Duration
	deadline time.Time // zero if there is no limit
}

// path returns the path of a file in the supervisor's directory.
func (s *supervisor) path(name string) string { return filepath.Join(s.dir, name) }

// run starts a child, follows its journal until it is dead, and returns its exit code; -1 if a signal has killed it.
func (s *supervisor) run(signals <-chan os.Signal) (int, error) {
	clear(s.open)
	s.memory, s.exceeded, s.late = 0, false, false
	command := exec.Command(s.executable, os.Args[1:]...)
	command.Args[0] = os.Args[0]
	command.Env = append(slices.Clone(s.env), Variable+"="+s.path("journal"))
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	endWithParent(command)
	runtime.LockOSThread() // Linux ends the child when the thread that started it ends.
	defer runtime.UnlockOSThread()
	if err := command.Start(); err != nil {
		return 0, err
	}
	dead := make(chan error, 1)
	go func() { dead <- command.Wait() }()
	var killAt time.Time // zero while there is no reason to kill the child
	for ticker := time.NewTicker(pollInterval); ; {
		select {
		case err := <-dead:
			ticker.Stop()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				return 0, err
			}
			s.state = command.ProcessState
			return s.state.ExitCode(), s.follow()
		case received := <-signals:
			_ = command.Process.Signal(received) // The child may be dead already.
			if !s.interrupted {
				s.interrupted, killAt = true, time.Now().Add(signalGrace)
			}
		case now := <-ticker.C:
			if err := s.follow(); err != nil {
				return 0, errors.Join(err, command.Process.Kill())
			}
			s.late = s.late || len(s.lateUnits(now)) > 0
			if s.late || !killAt.IsZero() && now.After(killAt) {
				_ = command.Process.Kill()
			}
		}
	}
}

// follow reads the records that the child has written since the last call.
func (s *supervisor) follow() error {
	records, err := s.reader.next()
	for _, r := range records {
		switch r.kind {
		case began:
			u := &unit{limit: time.Duration(toNumber(r.payload))}
			if u.limit > 0 {
				u.deadline = time.Now().Add(u.limit)
			}
			s.open[r.unit] = u
		case ended:
			if !s.late && !s.exceeded { // Otherwise the child dies because of it, although it is just ending.
				delete(s.open, r.unit)
			}
		case limited:
			s.memory = toNumber(r.payload)
		case exceeded:
			s.exceeded = true
		case finished:
			s.finished = true
		}
	}
	return err
}

// units returns the names of the units that have begun and not ended, sorted.
func (s *supervisor) units() []string { return slices.Sorted(maps.Keys(s.open)) }

// lateUnits returns the names of the units that should have ended some time ago, sorted.
func (s *supervisor) lateUnits(now time.Time) []string {
	return slices.DeleteFunc(s.units(), func(name string) bool {
		deadline := s.open[name].deadline
		return deadline.IsZero() || !now.After(deadline.Add(lateGrace))
	})
}

// judge decides what the next child does with the units in which a child has died. A unit that began and did not end
// is condemned if it was the only one. Otherwise the suspects are run alone: all units, or the late units if there are
// any. The error says that the child died outside of all units.
func (s *supervisor) judge() error {
	units, late := s.units(), s.lateUnits(time.Now())
	reason := s.causeOfDeath(late)
	if len(units) == 0 {
		return fmt.Errorf("the work outside of all sources %w", reason)
	}
	if err := s.cutOff(); err != nil {
		return err
	}
	if len(units) == 1 {
		return s.append(record{condemned, units[0], condemnation(reason)})
	}
	if len(late) == 0 {
		late = units
	}
	for _, unit := range late {
		if s.alone[unit] {
			return fmt.Errorf("%s, which ran alone, %w", unit, reason)
		}
		s.alone[unit] = true
		if err := s.append(record{kind: alone, unit: unit}); err != nil {
			return err
		}
	}
	return nil
}

// causeOfDeath returns why the child died, as the error of its units.
func (s *supervisor) causeOfDeath(late []string) *Error {
	if len(late) > 0 {
		return tookTooLong(s.open[late[0]].limit)
	}
	line := s.crash()
	switch {
	case s.exceeded, outOfMemory.MatchString(line):
		return needsMemory(s.memory)
	case line != "":
		return &Error{Reason: "ended the process: " + line}
	}
	return &Error{
		Reason: "ended the process: " + s.state.String(),
		Hint:   "if the machine ran out of memory: --jobs 1, and --memory with less than the machine has",
	}
}

// outOfMemory matches what Go's runtime says if the system gives no more memory: for the heap (mem_linux.go, malloc.go)
// or for a thread (os_linux.go, cgo/gcc_util.c).
var outOfMemory = regexp.MustCompile(`out of memory|cannot allocate memory|cannot map pages|newosproc|pthread_create failed`)

// crashName is the name of the file for what Go's runtime writes when the child dies: see divertCrashes.
const crashName = "crash"

// crash returns the line in which Go's runtime said why the child died; empty if it said nothing.
func (s *supervisor) crash() string {
	file, err := os.Open(s.path(crashName))
	if err != nil {
		return ""
	}
	defer file.Close()
	for scanner := bufio.NewScanner(io.LimitReader(file, 64<<10)); scanner.Scan(); {
		if line := scanner.Text(); crashLine.MatchString(line) {
			return line
		}
	}
	return ""
}

// crashLine matches the first line of a report of Go's runtime about the end of the process.
var crashLine = regexp.MustCompile(`^(fatal error|panic|runtime/cgo|SIG[A-Z]+): `)

// cutOff removes a record that the child could not complete.
func (s *supervisor) cutOff() error {
	size, err := s.journal.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	size -= int64(len(s.reader.rest))
	s.reader.rest = nil
	if _, err := s.journal.Seek(size, io.SeekStart); err != nil {
		return err
	}
	return s.journal.Truncate(size)
}

// append writes a record to the journal.
func (s *supervisor) append(r record) error {
	_, err := s.journal.Write(r.encode())
	return err
}
