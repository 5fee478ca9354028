package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/auth-preflight/auth-preflight/helpers/config"
	"github.com/auth-preflight/auth-preflight/helpers/faults"
	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
	"github.com/auth-preflight/auth-preflight/helpers/scim"
)

// broom removes what runs have left, kind by kind, and looks whether it is gone.
type broom struct {
	cfg       *config.Config
	api       *scalekit.Client
	directory *scim.Client       // of PREFLIGHT_SCIM_URL; nil: not given
	faults    *faults.Capability // of PREFLIGHT_FAULT_URL; nil: not given
}

// broomOf is for the deployment that cfg describes.
func broomOf(cfg *config.Config) *broom {
	slowly := pace.NewLimiter(cfg.APIRate, nil)
	b := &broom{cfg: cfg, api: scalekit.New(cfg.EnvironmentURL.String(), cfg.ClientID, cfg.ClientSecret, cfg.Client()).Paced(slowly)}
	if cfg.SCIMURL != "" {
		b.directory = scim.New(cfg.SCIMURL, cfg.SCIMToken, cfg.Client()).Paced(slowly)
	}
	if cfg.FaultURL != "" {
		b.faults = &faults.Capability{URL: cfg.FaultURL, Token: cfg.ControlToken, HTTP: cfg.Client()}
	}
	return b
}

// way is how something is removed and how it is looked for. Removing what is
// gone already is no error.
type way struct {
	remove func(context.Context) error
	there  func(context.Context) (bool, error)
}

// way returns how a leftover is removed; or why it is not removed from here, and
// is left to a person.
func (b *broom) way(one leftover) (w way, why string) {
	kind, own := one.entry.Kind, one.own()
	switch {
	case kind == scalekit.LifetimeKind:
		return b.lifetime(one)
	case kind == "fault":
		return b.fault(one)
	case kind == "organization" && strings.HasPrefix(one.entry.Label, "org_"):
		return b.signedUp(one), ""
	case kind == "role":
		return b.role(one)
	case kind == "permission":
		return b.permission(one)
	case slices.Contains([]string{"user", "organization", "MCP client", "directory user", "directory group"}, kind) && own == "":
		return w, "its name does not carry the id of the run, so that it could be somebody else's"
	case kind == "user":
		return b.person(one), ""
	case kind == "organization":
		return b.organization(one), ""
	case kind == "MCP client":
		return b.mcpClient(own), ""
	case (kind == "directory user" || kind == "directory group") && b.directory == nil:
		return w, "set PREFLIGHT_SCIM_URL and PREFLIGHT_SCIM_TOKEN, as they were in that run"
	case kind == "directory user":
		return b.inDirectory("/Users", "userName", one.entry.Label), ""
	case kind == "directory group":
		return b.inDirectory("/Groups", "displayName", one.entry.Label), ""
	case kind == "flag":
		return w, "nobody else knows how it should stand now: look at it, and switch it on again where nobody wants it off"
	case kind == "directory entries at the app":
		return w, "only the application can forget whom the run told it of: people whose directory id is diruser_" + one.run + "-…"
	}
	return w, "it is the application's own, which only somebody signed in there can remove"
}

// lifetime is for what a client's tokens lived before a run made them short. Its
// label holds that, and not the run's id: it is looked at what stands there now.
func (b *broom) lifetime(one leftover) (w way, why string) {
	changed, err := scalekit.ParseLifetime(one.entry.Label)
	if err != nil {
		return w, err.Error()
	}
	return way{
		remove: func(ctx context.Context) error { return b.api.RestoreLifetime(ctx, changed) },
		there:  func(ctx context.Context) (bool, error) { return b.api.HasLifetime(ctx, changed) },
	}, ""
}

func (b *broom) person(one leftover) way {
	return way{
		remove: func(ctx context.Context) error { return b.api.DeletePerson(ctx, one.entry.Label, one.began) },
		there: func(ctx context.Context) (bool, error) {
			user, err := b.api.FindUser(ctx, one.entry.Label)
			return user != nil, err
		},
	}
}

func (b *broom) organization(one leftover) way {
	return way{
		remove: func(ctx context.Context) error { return b.api.DeleteOrganizationByExternalID(ctx, one.entry.Label) },
		there: func(ctx context.Context) (bool, error) {
			found, err := b.api.FindOrganization(ctx, one.entry.Label)
			return found != nil, err
		},
	}
}

// signedUp is for an organization that a sign-up made and gave a name of its
// own: it goes if it is younger than the run and nobody is in it once the run's
// people are gone.
func (b *broom) signedUp(one leftover) way {
	id := one.entry.Label
	return way{
		remove: func(ctx context.Context) error {
			o, err := b.api.GetOrganization(ctx, id)
			switch {
			case scalekit.IsNotFound(err):
				return nil
			case err != nil:
				return err
			case !o.CreateTime.After(one.began):
				return errors.New("it is older than the run, and stays")
			}
			return b.api.DeleteOrganizationIfEmpty(ctx, id)
		},
		there: func(ctx context.Context) (bool, error) {
			_, err := b.api.GetOrganization(ctx, id)
			if scalekit.IsNotFound(err) {
				return false, nil
			}
			return err == nil, err
		},
	}
}

// role is for a role of an organization's own, which goes with the run's
// organization. One of that name that is the environment's is there by mistake,
// and goes by its name.
func (b *broom) role(one leftover) (w way, why string) {
	name := one.entry.Label
	if !carries(strings.ReplaceAll(name, "_", "-"), one.run) {
		return w, "its name does not carry the id of the run"
	}
	there := func(ctx context.Context) (bool, error) {
		roles, err := b.api.Roles(ctx, "")
		if scalekit.IsAbsent(err) {
			return false, nil
		}
		return slices.ContainsFunc(roles, func(r scalekit.FullRole) bool { return r.Name == name }), err
	}
	return way{
		remove: func(ctx context.Context) error {
			if found, err := there(ctx); err != nil || !found {
				return err
			}
			return b.api.DeleteRole(ctx, "", name, "")
		},
		there: there,
	}, ""
}

// permission is for a permission of the environment, known by its name.
func (b *broom) permission(one leftover) (w way, why string) {
	name := one.entry.Label
	if !carries(strings.ReplaceAll(name, "_", "-"), one.run) {
		return w, "its name does not carry the id of the run"
	}
	return way{
		remove: func(ctx context.Context) error { return b.api.DeletePermission(ctx, name) },
		there: func(ctx context.Context) (bool, error) {
			all, err := b.api.Permissions(ctx)
			if scalekit.IsAbsent(err) {
				return false, nil
			}
			return slices.ContainsFunc(all, func(p scalekit.Permission) bool { return p.Name == name }), err
		},
	}, ""
}

// mcpClient is for a client that has registered itself under a name that carries
// a unique id.
func (b *broom) mcpClient(own string) way {
	each := func(ctx context.Context, do func(resource string, client scalekit.MCPClient) error) error {
		return b.eachMCPClient(ctx, func(resource string, client scalekit.MCPClient) error {
			if !carries(client.Name, own) {
				return nil
			}
			return do(resource, client)
		})
	}
	return way{
		remove: func(ctx context.Context) error {
			return each(ctx, func(resource string, client scalekit.MCPClient) error {
				return b.api.DeleteMCPClient(ctx, resource, client.ID)
			})
		},
		there: func(ctx context.Context) (found bool, err error) {
			err = each(ctx, func(string, scalekit.MCPClient) error { found = true; return nil })
			return found, err
		},
	}
}

// eachMCPClient does something with each client of each MCP server.
func (b *broom) eachMCPClient(ctx context.Context, do func(resource string, client scalekit.MCPClient) error) error {
	resources, err := b.api.Resources(ctx)
	if err != nil {
		return err
	}
	for _, resource := range resources {
		clients, err := b.api.MCPClients(ctx, resource.ID)
		if err != nil {
			return err
		}
		for _, client := range clients {
			if err := do(resource.ID, client); err != nil {
				return err
			}
		}
	}
	return nil
}

// inDirectory is for what stands in the directory of PREFLIGHT_SCIM_URL. A
// directory of a case's own goes with its organization.
func (b *broom) inDirectory(path, attribute, text string) way {
	return way{
		remove: func(ctx context.Context) error { return b.directory.Forget(ctx, path, attribute, text) },
		there: func(ctx context.Context) (bool, error) {
			ids, err := b.directory.Named(ctx, path, attribute, text)
			return len(ids) > 0, err
		},
	}
}

// fault is for something that fails for one subject: it is known by the id that
// the capability gave it, or by a subject that carries the run's id.
func (b *broom) fault(one leftover) (w way, why string) {
	id := one.entry.ID
	if id == one.entry.Label {
		id = ""
	}
	switch {
	case b.faults == nil:
		return w, "set PREFLIGHT_FAULT_URL and PREFLIGHT_CONTROL_TOKEN, as they were in that run"
	case id == "" && one.own() == "":
		return w, "its id is not known, for the run was killed while it was made"
	}
	unknown := errors.New("its id is not known, and the capability of PREFLIGHT_FAULT_URL lists no faults")
	mine := func(ctx context.Context) (ids []string, err error) {
		all, told, err := b.faults.InForce(ctx)
		if err == nil && !told && id == "" {
			err = unknown
		}
		for _, fault := range all {
			if id != "" && fault.ID == id || id == "" && fault.Subject == one.entry.Label {
				ids = append(ids, fault.ID)
			}
		}
		return ids, err
	}
	return way{
		remove: func(ctx context.Context) error {
			if id != "" {
				return b.faults.End(ctx, id)
			}
			ids, err := mine(ctx)
			for _, id := range ids {
				err = errors.Join(err, b.faults.End(ctx, id))
			}
			return err
		},
		there: func(ctx context.Context) (bool, error) {
			ids, err := mine(ctx)
			return len(ids) > 0, err
		},
	}, ""
}
