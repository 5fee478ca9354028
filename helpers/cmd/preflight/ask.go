package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// talk is a conversation with whoever sits at the terminal, or with what is
// piped in, line by line.
type talk struct {
	in       *bufio.Reader
	out      io.Writer
	terminal *os.File // nil: nobody sits there
}

func newTalk(in io.Reader, out io.Writer) *talk {
	t := &talk{in: bufio.NewReader(in), out: out}
	if file, ok := in.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		t.terminal = file
	}
	return t
}

// errSilence says that nobody answers.
var errSilence = errors.New("there is no terminal to ask at, and no line is left on standard input")

// ask asks for a line. A secret is not echoed.
func (t *talk) ask(question string, secret bool) (string, error) {
	if t.terminal != nil {
		defer leaveAtOnce(t.terminal)() // before anybody can answer by Ctrl-C
		fmt.Fprint(t.out, question)
	}
	if secret && t.terminal != nil {
		text, err := term.ReadPassword(int(t.terminal.Fd()))
		fmt.Fprintln(t.out)
		return strings.TrimSpace(string(text)), err
	}
	line, err := t.in.ReadString('\n')
	if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
		if errors.Is(err, io.EOF) {
			err = errSilence
		}
		return "", err
	}
	return strings.TrimSpace(line), nil
}

// leaveAtOnce lets Ctrl-C end the program while a line is read, and leaves the
// terminal as it was: it may not be echoing.
func leaveAtOnce(terminal *os.File) (done func()) {
	before, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		return func() {}
	}
	interrupted, over := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(interrupted, os.Interrupt)
	go func() {
		select {
		case <-interrupted:
			_ = term.Restore(int(terminal.Fd()), before)
			os.Exit(128 + int(syscall.SIGINT))
		case <-over:
		}
	}()
	return func() {
		signal.Stop(interrupted)
		close(over)
	}
}
