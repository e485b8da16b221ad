package child

import (
	"os/exec"
	"syscall"
)

// endWithParent makes Linux end the child when the thread ends that starts it.
func endWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
