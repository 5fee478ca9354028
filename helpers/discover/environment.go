package discover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// mostOrganizations is of how many organizations the domains are asked.
const mostOrganizations = 20

// Environment is what an auth environment tells about itself.
type Environment struct {
	Discovery     *scalekit.Discovery
	Organizations []scalekit.Organization
	Connections   []scalekit.Connection
	Domains       []string
	Roles         []string
	People        int
	Servers       []scalekit.Resource
	// Registered is the app's client; nil where the environment does not say.
	Registered *scalekit.RegisteredClient
	// Silent are the questions that the environment did not answer, and why.
	Silent []string
}

// Ask asks the auth environment for all that there is a question for. The error
// is one sentence: nobody answers, it is no OpenID Connect environment, it is
// another one, it refuses the client.
func Ask(ctx context.Context, cfg *config.Config, api *scalekit.Client) (*Environment, error) {
	address := cfg.EnvironmentURL.String()
	e := &Environment{}
	var err error
	if e.Discovery, err = api.Discovery(ctx); err != nil {
		if scalekit.IsAnswer(err) {
			return nil, fmt.Errorf("SCALEKIT_ENVIRONMENT_URL is no OpenID Connect environment: %w", err)
		}
		return nil, fmt.Errorf("SCALEKIT_ENVIRONMENT_URL is not reachable: %w%s", err, certificateHint(err))
	}
	if e.Discovery.Issuer == "" || e.Discovery.AuthorizationEndpoint == "" {
		return nil, fmt.Errorf("SCALEKIT_ENVIRONMENT_URL is no OpenID Connect environment: the discovery document of %s names no issuer or no authorization endpoint", address)
	}
	if e.Discovery.Issuer != address {
		return nil, fmt.Errorf("SCALEKIT_ENVIRONMENT_URL is %s, but what answers there calls itself %s", address, e.Discovery.Issuer)
	}
	if _, err := api.Token(ctx); err != nil {
		return nil, fmt.Errorf("SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET are refused: %w", cfg.Doubted(err))
	}
	e.ask(ctx, cfg, api)
	return e, ctx.Err()
}

func (e *Environment) ask(ctx context.Context, cfg *config.Config, api *scalekit.Client) {
	hear := func(what string, err error) {
		var answer *scalekit.Error
		switch {
		case errors.As(err, &answer):
			e.Silent = append(e.Silent, fmt.Sprintf("%s: HTTP %d", what, answer.Status))
		case err != nil:
			e.Silent = append(e.Silent, what+": "+err.Error())
		}
	}
	var err error
	e.Organizations, err = api.ListOrganizations(ctx)
	hear("organizations", err)
	e.Connections, err = api.ListConnections(ctx, "")
	hear("connections", err)
	for _, o := range e.Organizations[:min(len(e.Organizations), mostOrganizations)] {
		domains, err := api.Domains(ctx, o.ID)
		if err != nil {
			hear("domains", err)
			break
		}
		for _, d := range domains {
			e.Domains = append(e.Domains, d.Domain)
		}
	}
	roles, err := api.Roles(ctx, "")
	hear("roles", err)
	for _, r := range roles {
		e.Roles = append(e.Roles, r.Name)
	}
	e.People, err = api.CountUsers(ctx)
	hear("people", err)
	e.Servers, err = api.Resources(ctx)
	hear("MCP servers", err)
	e.Registered, err = api.GetClient(ctx, cfg.AppClientID)
	hear("client", err)
}

// Methods are those of PREFLIGHT_METHODS that the connections show: providers of
// the environment, and single sign-on of its organizations.
func (e *Environment) Methods() (methods []string) {
	for _, c := range e.Connections {
		word := ""
		switch kind := strings.ToUpper(c.Type); {
		case !c.Enabled:
		case c.OrganizationID != "" && (kind == "SAML" || kind == "OIDC"):
			word = strings.ToLower(kind)
		case c.OrganizationID == "" && kind == "OAUTH":
			word = strings.ToLower(c.Provider)
		case c.OrganizationID == "" && kind == "WEBAUTHN":
			word = "passkey"
		case c.OrganizationID == "" && kind == "PASSWORD":
			word = "password"
		}
		if (slices.Contains(screens.Providers, word) || slices.Contains([]string{"saml", "oidc", "passkey", "password"}, word)) && !slices.Contains(methods, word) {
			methods = append(methods, word)
		}
	}
	return methods
}

// Table is what was found, a line each: what, and how many or which.
func (e *Environment) Table() (lines [][2]string) {
	on := 0
	for _, c := range e.Connections {
		if c.Enabled {
			on++
		}
	}
	lines = append(lines,
		[2]string{"environment", e.Discovery.Issuer},
		[2]string{"organizations", count(len(e.Organizations), named(e.Organizations, func(o scalekit.Organization) string { return o.DisplayName }))},
		[2]string{"connections", count(on, e.Methods()) + off(len(e.Connections)-on)},
		[2]string{"domains", count(len(e.Domains), e.Domains)},
		[2]string{"roles", count(len(e.Roles), e.Roles)},
		[2]string{"people", count(e.People, nil)},
		[2]string{"MCP servers", count(len(e.Servers), named(e.Servers, func(r scalekit.Resource) string { return r.Address }))},
	)
	if e.Registered != nil {
		lines = append(lines, [2]string{"client", fmt.Sprintf("%s (%s)", e.Registered.ID, e.Registered.Name)})
	}
	for _, silent := range e.Silent {
		what, why, _ := strings.Cut(silent, ": ")
		lines = slices.DeleteFunc(lines, func(l [2]string) bool { return l[0] == what })
		lines = append(lines, [2]string{what, "the environment does not say (" + why + ")"})
	}
	return lines
}

// mostNames is how many names a line has.
const mostNames = 5

func count(n int, names []string) string {
	if n == 0 {
		return "none"
	}
	if len(names) == 0 {
		return fmt.Sprint(n)
	}
	more := ""
	if len(names) > mostNames {
		names, more = names[:mostNames], ", …"
	}
	return fmt.Sprintf("%d (%s%s)", n, strings.Join(names, ", "), more)
}

func off(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d switched off", n)
}

func named[T any](all []T, name func(T) string) (names []string) {
	for _, one := range all {
		names = append(names, name(one))
	}
	return names
}

// certificateHint says what helps against a certificate that nobody vouches for.
func certificateHint(err error) string {
	if strings.Contains(err.Error(), "certificate") {
		return " (a CA that is not public is named by PREFLIGHT_CA_FILE)"
	}
	return ""
}
