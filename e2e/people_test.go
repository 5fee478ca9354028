package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/readiness"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// cleanUpBudget bounds the removal of what one case made.
const cleanUpBudget = 15 * time.Second

// NewPerson invents somebody whom the deployment does not know yet. Everything
// that is made for them carries the run's id and is removed in the end.
func (c *check) NewPerson() *flows.User {
	c.Helper()
	return c.newPersonAt(c.unique())
}

// newPersonAt is NewPerson with an address made of id, which is unique.
func (c *check) newPersonAt(id string) *flows.User {
	c.Helper()
	c.needInbox()
	return c.somebodyAt(suite.world.Inbox.Address(id))
}

// needInbox makes a case not verified where no mail can be read.
func (c *check) needInbox() {
	c.Helper()
	c.Need("PREFLIGHT_INBOX_URL", "PREFLIGHT_INBOX_ADDRESS")
}

// somebodyAt is newPersonAt with the whole address, which is unique.
func (c *check) somebodyAt(address string) *flows.User {
	c.Helper()
	user := &flows.User{Email: address, GivenName: "Ada", FamilyName: "Preflight"}
	c.people = append(c.people, user.Email)
	c.removeLater("user", user.Email, func(ctx context.Context) error { return c.removePerson(ctx, user.Email) })
	return user
}

// NewUser makes a person and an organization of their own through the
// management API. They sign in with a code by mail.
func (c *check) NewUser() *flows.User {
	c.Helper()
	if user := c.player(); user != nil {
		user.OrgID = c.Join(user)
		return user
	}
	user := c.NewPerson()
	c.withOrganization(user)
	return user
}

// withOrganization makes an organization and the user in it.
func (c *check) withOrganization(user *flows.User) {
	c.Helper()
	err := c.newOrganization(func(ctx context.Context, organization *scalekit.Organization) error {
		made, err := suite.world.API.CreateUser(ctx, organization.ID, scalekit.NewUser{
			Email: user.Email, GivenName: user.GivenName, FamilyName: user.FamilyName,
		})
		if err != nil {
			return err
		}
		user.ID, user.OrgID = made.ID, organization.ID
		return nil
	})
	if err != nil {
		c.Trouble("a user with an organization cannot be made: %v", err)
	}
}

// newOrganization makes an organization of this case's own and lets fill put
// people into it.
func (c *check) newOrganization(fill func(context.Context, *scalekit.Organization) error) error {
	c.Helper()
	return c.newOrganizationCalled("Preflight ", fill)
}

// newOrganizationCalled is newOrganization with a name that begins like this.
func (c *check) newOrganizationCalled(prefix string, fill func(context.Context, *scalekit.Organization) error) error {
	c.Helper()
	// Named by an id of our own, so that it is found when the answer to its
	// creation never comes.
	name := c.unique()
	c.removeLater("organization", name, func(ctx context.Context) error {
		return suite.world.API.DeleteOrganizationByExternalID(ctx, name)
	})
	return suite.create(func(ctx context.Context) error {
		organization, err := suite.world.API.CreateOrganization(ctx, scalekit.NewOrganization{DisplayName: prefix + name, ExternalID: name})
		if err != nil {
			return err
		}
		return fill(ctx, organization)
	})
}

// api does something by the management API; what fails is the suite's trouble.
func (c *check) api(what string, do func(context.Context) error) {
	c.Helper()
	if err := suite.create(do); err != nil {
		c.Trouble("%s, and that fails: %v", what, err)
	}
}

// mayBeAbsent makes a case not verified where err says that the management API
// has no such request, or not for this client; any other error is trouble. what
// follows "the environment does not let SCALEKIT_CLIENT_ID".
func (c *check) mayBeAbsent(what string, err error) {
	c.Helper()
	switch {
	case err == nil:
	case scalekit.IsAbsent(err):
		c.NotVerified(fmt.Sprintf("the environment does not let SCALEKIT_CLIENT_ID %s (%v)", what, err))
	default:
		c.Trouble("the environment is to %s, and that fails: %v", what, err)
	}
}

// NewPasswordUser is a person who has signed up with a password of their own.
func (c *check) NewPasswordUser() *flows.User {
	c.Helper()
	c.NeedMethod("password")
	user := c.NewPerson()
	user.Password = newPassword()
	c.Unseen().SignUpByPassword(user)
	return user
}

// unique is a name that no other case of any run has.
func (c *check) unique() string {
	return fmt.Sprintf("%s-%d", suite.results.ID(), suite.counter.Add(1))
}

// newPassword returns a strong password.
func newPassword() string {
	password := "Pf!" + scalekit.NewNonce()
	suite.results.Learn(password)
	return password
}

// removePerson deletes the user of an address, wherever it came from, and the
// organization that a sign-up made silently for them.
func (c *check) removePerson(ctx context.Context, email string) error {
	return suite.world.API.DeletePerson(ctx, email, suite.begun)
}

// removeLater writes into the ledger, before the creation, that something will
// exist, and removes it when the case is over. Its entry takes the id that the
// deployment gives it, where nothing else tells it from others.
func (c *check) removeLater(kind, label string, remove func(context.Context) error) *readiness.Entry {
	c.Helper()
	if why := suite.cfg.Production(); why != "" {
		c.Trouble("%s, and %q was to be made there (%s): this case is not harmless", why, label, kind)
	}
	entry := suite.results.Ledger().Will(kind, label)
	entry.Made(label)
	suite.keep(entry, remove)
	c.Cleanup(func() { suite.remove(entry) })
	return entry
}

// Age makes everything about one person older by d.
func (c *check) Age(user *flows.User, d time.Duration) {
	c.Helper()
	c.Need("PREFLIGHT_TIME_URL")
	c.mayAge(user)
	c.control("PREFLIGHT_TIME_URL", map[string]any{"subject": user.Email, "seconds": int(d.Seconds())})
}

// control uses a capability of the deployment, which a variable announces, and
// returns its answer.
func (c *check) control(variable string, body any) []byte {
	c.Helper()
	c.Need(variable)
	encoded, _ := json.Marshal(body) // strings, numbers and booleans
	request, err := http.NewRequestWithContext(suite.ctx, http.MethodPost, suite.cfg.Value(variable), bytes.NewReader(encoded))
	if err != nil {
		c.Trouble("%s cannot be used: %v", variable, err)
	}
	request.Header.Set("Authorization", "Bearer "+suite.cfg.ControlToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := suite.client.Do(request)
	if err != nil {
		c.Trouble("the capability of %s does not answer: %v", variable, err)
	}
	defer func() { _ = response.Body.Close() }()
	if suite.cfg.ControlToken == "" && (response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden) {
		c.NotVerified(fmt.Sprintf("set PREFLIGHT_CONTROL_TOKEN: without it the capability of %s answers HTTP %d", variable, response.StatusCode))
	}
	if response.StatusCode/100 != 2 {
		c.Trouble("the capability of %s answered HTTP %d", variable, response.StatusCode)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		c.Trouble("the capability of %s broke off: %v", variable, err)
	}
	return answer
}
