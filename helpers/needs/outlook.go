package needs

import (
	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
)

// Outlook is what can be said of a case before it runs.
type Outlook struct {
	// State is NotVerified, NotApplicable or empty: it will run.
	State readiness.State
	// Missing are the variables without which it is not verified.
	Missing []string
	// Perhaps are unset variables that a run may find it needs.
	Perhaps []string
	// Reason is why it is not applicable, or not verified for another reason than
	// a variable.
	Reason string
}

// Outlook says what will become of a case on a deployment. What people declare
// in a profile is not looked at.
func (c Case) Outlook(cfg *config.Config) Outlook {
	if why := cfg.Production(); why != "" && !c.Harmless {
		return Outlook{State: readiness.NotVerified, Reason: why}
	}
	for _, name := range c.Variables {
		if reason := cfg.Declined(name); reason != "" {
			return Outlook{State: readiness.NotApplicable, Reason: name + " is declared as none: " + reason}
		}
	}
	missing := cfg.Missing(c.Variables...)
	addTo(&missing, cfg.MissingPeople(c.People)...)
	if len(c.Methods) > 0 {
		if len(cfg.Missing("PREFLIGHT_METHODS")) > 0 {
			addTo(&missing, "PREFLIGHT_METHODS")
		} else {
			for _, method := range c.Methods {
				if !cfg.Has(method) {
					return Outlook{State: readiness.NotApplicable, Reason: "PREFLIGHT_METHODS does not list " + method}
				}
			}
		}
	}
	if len(missing) > 0 {
		return Outlook{State: readiness.NotVerified, Missing: missing}
	}
	return Outlook{Perhaps: cfg.Missing(c.Perhaps...)}
}
