//go:build unix

package git

import (
	"os/exec"
	"syscall"
)

// endWithChildren makes the end of the command's context also end the programs that the command has started: git leaves
// the network to programs of its own. The signal lets git remove its lock files and temporary files.
func endWithChildren(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
}
