package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// whereRed is the deployment of the run that a red case's folder belongs to; nil:
// it is not to be told, for the folder was copied without the run's result.
func whereRed(folder string, c readiness.CaseInfo) *readiness.Deployment {
	if path, err := filepath.EvalSymlinks(folder); err == nil { // reports/latest is a link
		folder = path
	}
	for range 4 { // evidence, item, case
		folder = filepath.Dir(folder)
		if result, err := load(folder); err == nil {
			return &result.Run.Deployment
		}
	}
	if len(c.Variant) > 0 {
		return &readiness.Deployment{Embedded: true} // no other one has variants
	}
	return nil
}

// present is the deployment that a run would take now.
type present struct {
	embedded bool
	appURL   string // "": not to be told, as what describes it is malformed
}

func presentDeployment(lookup func(string) (string, bool), dotenv string) present {
	if config.IsEmpty(lookup, dotenv) {
		return present{embedded: true}
	}
	cfg, err := config.Load(lookup, dotenv)
	if err != nil {
		return present{} // the run says what is wrong
	}
	return present{appURL: cfg.AppURL.String()}
}

// settle says on which deployment a case runs again, where that is not plain, and
// returns the variables that lead there. On another one than where it was red it may
// well be green, and nobody must take that for an answer.
func (a *again) settle(lookup func(string) (string, bool), dotenv string) (said string, env []string) {
	now := presentDeployment(lookup, dotenv)
	if len(a.variant) > 0 && a.red == nil && !now.embedded {
		a.variant = nil // it was asked for by its name, on what there is now
	}
	switch {
	case a.red == nil:
	case a.red.Embedded && !now.embedded:
		said = fmt.Sprintf("this case was red on the embedded deployment, and runs there again; not on %s",
			cmp.Or(now.appURL, "the one that is described"))
		env = intoTheEmbedded(lookup, dotenv)
	case !a.red.Embedded && now.embedded:
		said = fmt.Sprintf("this case was red on %s; it runs on the embedded deployment now", a.red.AppURL)
	case !a.red.Embedded && now.appURL != "" && now.appURL != a.red.AppURL:
		said = fmt.Sprintf("this case was red on %s; it runs on %s now", a.red.AppURL, now.appURL)
	}
	return said, env
}

// intoTheEmbedded hides whatever describes another deployment, and keeps what the
// .env says of this machine.
func intoTheEmbedded(lookup func(string) (string, bool), dotenv string) (env []string) {
	for _, name := range config.Describing(lookup) {
		env = append(env, name+"=")
	}
	if local, err := config.LoadLocal(lookup, dotenv); err == nil {
		for _, name := range []string{"PREFLIGHT_BROWSER", "PREFLIGHT_DRIVER_DIR", "PREFLIGHT_TIMEOUT_FACTOR"} {
			if local.Origin(name) == config.FromDotenv {
				env = append(env, name+"="+local.Value(name))
			}
		}
	}
	return append(env, "PREFLIGHT_ENV_FILE="+os.DevNull)
}
