// Command preflight prepares a machine for the suite and says what is wrong.
//
//	preflight setup      fetch the browser driver, find or install a browser
//	preflight doctor     check the machine, the variables and the deployment
//	preflight variables  print .env.example
//
// It exits 0 when all is well, 1 when something is wrong, 2 when it was called
// wrongly.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

const usage = `usage: preflight setup      fetch the browser driver, find or install a browser
       preflight doctor     check the machine, the variables and the deployment
       preflight variables  print .env.example
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) != 1 {
		fmt.Fprint(stderr, usage)
		return 2
	}
	var err error
	switch args[0] {
	case "setup":
		err = setup(ctx, stdout)
	case "doctor":
		err = doctor(ctx, stdout)
	case "variables":
		_, err = io.WriteString(stdout, config.Example())
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, usage)
	default:
		fmt.Fprintf(stderr, "preflight: there is no command %q\n%s", args[0], usage)
		return 2
	}
	if err != nil {
		fmt.Fprintln(stderr, "preflight:", err)
		return 1
	}
	return 0
}
