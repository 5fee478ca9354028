//go:build !windows

package browser

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// groupOf returns the process group of a browser, or 0 if it is our own: the
// driver starts the browser in a group of its own, and only that may be killed
// as a whole.
func groupOf(pid int) int {
	group, err := syscall.Getpgid(pid)
	if err != nil || group <= 1 || group == syscall.Getpgrp() {
		return 0
	}
	return group
}

// kill ends the processes at once: the browser before the driver that would
// otherwise have to reap it.
func (p processes) kill() {
	if p.group > 1 {
		_ = syscall.Kill(-p.group, syscall.SIGKILL)
	}
	for _, pid := range []int{p.browser, p.driver} {
		if pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func (p processes) alive() bool { return living(p.browser) || living(p.driver) }

func living(pid int) bool {
	if pid <= 1 || syscall.Kill(pid, 0) != nil {
		return false
	}
	// Linux: a process that ended but was not reaped yet is not alive.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err) || !procMounted()
	}
	end := bytes.LastIndexByte(stat, ')')
	return end < 0 || end+2 >= len(stat) || stat[end+2] != 'Z'
}

func procMounted() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}
