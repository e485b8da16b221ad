//go:build unix

package kustomize

import (
	"os/exec"
	"syscall"
)

// killWithChildren makes the end of the command's context kill also what the command has started: git
// leaves the network to programs of its own.
func killWithChildren(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
}
