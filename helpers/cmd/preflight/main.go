// Command preflight prepares a machine for the suite and says what is wrong.
//
//	preflight setup      fetch the browser driver, find or install a browser
//	preflight init       find out about a deployment and write its .env
//	preflight doctor     check the machine, the variables and the deployment
//	preflight variables  print .env.example
//	preflight render     write the report of a run anew from its result.json
//	preflight compare    say what changed from one run to another
//	preflight merge      join the parts of a run (PREFLIGHT_PART) into one
//	preflight repro      run a red case again, slowly and traced
//	preflight trace      open a trace in its viewer
//	preflight sweep      remove what killed runs have left at the deployment
//	preflight night      keep the one issue that tells of the nightly runs
//	preflight age        say when the last whole run is too old
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
       preflight init [-environment URL] [-client-id ID] [-app URL] [-ca FILE] [-idp FOLDER] [-yes]
                                      find out about a deployment and write its .env
       preflight doctor     check the machine, the variables and the deployment
       preflight variables  print .env.example
       preflight render FOLDER        write a run's report anew from its result.json
       preflight compare OLD NEW      say what changed between two runs; exit 1 if anything is newly red
       preflight merge FOLDER FOLDER… join the parts of one run (PREFLIGHT_PART); exits as the whole run would
       preflight repro NAME           run a case again, slowly and traced: the folder of a red case, item, item#case, or a pattern
       preflight pattern NAME         print what go test -run takes for it; several items or sections are possible
       preflight trace FILE           open a trace in Playwright's viewer
       preflight sweep [-yes] [-forget]   remove what killed runs have left at the deployment; without -yes, list it
       preflight night [-stale] [-n]  open, update or close the one issue that tells of the nightly runs
       preflight age                  say when the last whole run is too old; exit 1 then
A FOLDER is that of a run, such as reports/latest.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) == 0 || len(args) > 1 && reports[args[0]] == nil {
		fmt.Fprint(stderr, usage)
		return 2
	}
	if command := reports[args[0]]; command != nil {
		return command(args[1:], stdout, stderr)
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
