package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/observe"
	"github.com/auth-preflight/auth-preflight/helpers/scim"
	"github.com/auth-preflight/auth-preflight/helpers/webhook"
)

// Kinds of directory events (spec/webhooks-scim.md 4.3).
const (
	dirUserCreated = "organization.directory.user_created"
	dirUserUpdated = "organization.directory.user_updated"
	dirUserDeleted = "organization.directory.user_deleted"
)

// directoryKinds are all of them.
var directoryKinds = []string{
	dirUserCreated, dirUserUpdated, dirUserDeleted,
	"organization.directory.group_created", "organization.directory.group_updated", "organization.directory.group_deleted",
}

// What happens in a customer's directory happens in the app.
func TestSCIMEndpoints(t *testing.T) {
	item := begin(t, "scim/endpoints")

	item.Case("every kind of directory event is delivered to the app", advice{
		Why:      "the app never learns of people who left, or of groups that changed",
		Mend:     "subscribe the app's endpoint to all organization.directory events, and look at its deliveries",
		Standard: "spec/webhooks-scim.md 2, 4.3; CHECKLIST scim/endpoints",
	}, func(c *check) {
		c.Need("PREFLIGHT_WEBHOOK_LOG", "APP_WEBHOOK_PATH")
		o := c.NewEmployer(scim.Okta{})
		e := o.hire()
		group := "/Groups/" + o.newGroup()
		o.do(http.MethodPatch, group, o.speak.Join(e.id))
		e.patch(o.speak.Rename("Augusta", "Lovelace"))
		o.do(http.MethodDelete, group, nil)
		o.do(http.MethodDelete, e.path(), nil)
		var missing []string
		c.Eventually(func() bool {
			entries := observe.Mentioning(observe.Entries(c.Read("PREFLIGHT_WEBHOOK_LOG", o.orgID)), o.orgID)
			missing = slices.DeleteFunc(slices.Clone(directoryKinds), func(kind string) bool {
				return len(observe.Mentioning(entries, kind)) > 0
			})
			return len(missing) == 0
		}, watchWithin(), "expected PREFLIGHT_WEBHOOK_LOG to show a delivery of each kind of directory event for the organization, within PREFLIGHT_WATCH_WITHIN; there is none of %s",
			lazily(func() string { return strings.Join(missing, ", ") }))
	})

	item.Case("what happens in the directory happens in the app", advice{
		Why:      "the app shows, mails and bills people who left, and misses those who came",
		Mend:     "act on organization.directory.user_created, user_updated (active, names) and user_deleted",
		Standard: "spec/webhooks-scim.md 4.3; CHECKLIST scim/endpoints",
	}, func(c *check) {
		l := c.listener()
		e := l.o.hire()
		l.awaitShown(e.GivenName, "a creation in the directory")
		old := e.GivenName
		e.GivenName = "Augusta" + strings.TrimPrefix(old, "Ada")
		e.patch(l.o.speak.Rename(e.GivenName, e.FamilyName))
		l.awaitShown(e.GivenName, "a change of name in the directory")
		l.awaitGone(old, "a change of name in the directory")
		e.patch(l.o.speak.Switch(false))
		l.awaitGone(e.GivenName, "a deactivation in the directory")
		e.patch(l.o.speak.Switch(true))
		l.awaitShown(e.GivenName, "an activation in the directory")
		e.GivenName = "Annabella" + strings.TrimPrefix(old, "Ada")
		l.o.do(http.MethodPut, e.path(), l.o.speak.Create(e.Person))
		l.awaitShown(e.GivenName, "a change of name by a PUT in the directory")
		l.o.do(http.MethodDelete, e.path(), nil)
		l.awaitGone(e.GivenName, "a deletion in the directory")
	})

	item.Case("an event of one organization's directory ends nobody's session in another", advice{
		Why:      "one customer lets a contractor go, and the contractor is thrown out of what they are at for another customer",
		Mend:     "look for the sessions that an event ends by its organization_id and the person, and never by the address alone",
		Standard: "OWASP ASVS 8.4.1; spec/webhooks-scim.md 4.3",
	}, func(c *check) {
		c.Cast(1)
		l := c.listener()
		guest := c.NewUser()
		agent := c.Quiet(guest) // before they are in two organizations: this session is of their own one
		l.takeIn(guest)
		now, person, name := time.Now(), l.entryOf(guest), "Guest"+c.unique()
		l.tell(l.event(dirUserUpdated, person, name, false, now))
		l.tell(l.event(dirUserDeleted, person, name, false, now.Add(time.Second)))
		l.awaitAllTold()
		assert.Equal(c, strings.ToLower(guest.Email), strings.ToLower(agent.WhoAmI(guest.Email)), "who is signed in at the app in an organization, after the directory of another one has let them go")
	})

	item.Case("an event that comes late does not undo a newer one", advice{
		Why:      "a delivery that was held up brings somebody back who was removed since",
		Mend:     "keep occurred_at of the last event that was applied to each person, past their deletion, and let older ones be",
		Standard: "spec/webhooks-scim.md 2: at least once, unordered",
	}, func(c *check) {
		l := c.listener()
		now := time.Now()
		early, late := now.Add(-time.Minute), now
		renamed, deactivated, deleted := l.entry(), l.entry(), l.entry()
		stale, fresh, left, gone := "Stale"+c.unique(), "Fresh"+c.unique(), "Left"+c.unique(), "Gone"+c.unique()
		for _, d := range []struct {
			person, kind, name string
			active             bool
			at                 time.Time
		}{
			{renamed, dirUserUpdated, fresh, true, late}, {renamed, dirUserCreated, stale, true, early},
			{deactivated, dirUserUpdated, left, false, late}, {deactivated, dirUserUpdated, left, true, early},
			{deleted, dirUserDeleted, gone, false, late}, {deleted, dirUserUpdated, gone, true, early},
		} {
			l.tell(l.event(d.kind, d.person, d.name, d.active, d.at))
		}
		l.awaitAllTold()
		assert.NotZero(c, l.r.shown(fresh), "how often the app shows a name that a newer event gave, after an older one came late")
		assert.Zero(c, l.r.shown(stale), "how often the app shows the name of the older event that came late")
		assert.Zero(c, l.r.shown(left), "how often the app shows somebody as active who was deactivated, after an older event came late")
		assert.Zero(c, l.r.shown(gone), "how often the app shows somebody who was deleted, after an older event came late")
	})

	item.Case("a directory event that comes again has its effect once", advice{
		Why:      "events come at least once: somebody who was removed is there again, or is welcomed twice",
		Mend:     "remember webhook-id for longer than the tolerance, and answer 2xx to one that was done already",
		Standard: "Standard Webhooks (idempotency); CHECKLIST: idempotent handling of duplicate directory events",
	}, func(c *check) {
		l := c.listener()
		person, first, second := l.entry(), "First"+c.unique(), "Second"+c.unique()
		now := time.Now()
		delivery := l.r.own.Sign(l.event(dirUserCreated, person, first, true, now), now)
		l.r.post(delivery)
		l.awaitShown(first, "the first event")
		l.tell(l.event(dirUserUpdated, person, second, true, now.Add(time.Second)))
		l.awaitShown(second, "the second event")
		before := l.toldOf(first)
		for _, again := range []webhook.Delivery{delivery, l.r.own.Again(delivery, time.Now().Add(time.Second))} {
			if status := l.r.post(again); status/100 != 2 {
				c.Errorf("a delivery that was done already was answered HTTP %d; expected 2xx, or it comes for ever", status)
			}
		}
		l.awaitAllTold()
		assert.Zero(c, l.r.shown(first), "how often the app shows the name of the first event, which came again after the second")
		assert.NotZero(c, l.r.shown(second), "how often the app shows the name of the second event")
		assert.LessOrEqual(c, l.toldOf(first), before, "how often the app tells of the first event at APP_WEBHOOK_EFFECT_PATH, after it came again")
	})

	item.Case("the endpoint answers soon, and takes kinds that it does not know", advice{
		Why:      "an endpoint that is slow, or refuses what is new, gets everything again and again, until it is switched off",
		Mend:     "answer 2xx first and act afterwards; let unknown kinds be",
		Standard: "spec/webhooks-scim.md 2 (10 s), 4.6; CHECKLIST: answers 2xx fast",
	}, func(c *check) {
		c.Need("PREFLIGHT_IDP_ORGANIZATION_ID")
		l := &listener{c: c, r: c.endpoint(), o: &employer{c: c, orgID: suite.cfg.IDPOrganizationID, domain: "preflight-directory.test"}}
		for _, kind := range append(slices.Clone(directoryKinds), "organization.directory.user_promoted") {
			begun := time.Now()
			status := l.r.post(l.r.own.Sign(l.event(kind, "diruser_"+c.unique(), "Preflight "+c.unique(), false, begun), begun))
			assert.Equal(c, 2, status/100, "the answer to %s is 2xx; it was HTTP %d", kind, status)
			assert.Less(c, time.Since(begun), 10*time.Second, "time until the answer to %s", kind)
		}
	})
}

// Nobody but the environment speaks for a directory, and nobody but its own
// provider speaks to it.
func TestSCIMSignatures(t *testing.T) {
	item := begin(t, "scim/signatures")

	item.Case("a directory event that is signed rightly is taken", advice{
		Why:      "who was hired or let go at the customer's is not, at the app",
		Mend:     "verify the bytes as they came, before any parsing; try every signature of the header; skip versions that you do not know",
		Standard: "Standard Webhooks; spec/webhooks-scim.md 1 and 5",
	}, func(c *check) { c.listener().r.verifyTakesLegal() })

	item.Case("a directory event that is not signed rightly, or not now, changes nothing", advice{
		Why:      "anybody on the internet locks a customer's people out, or brings dismissed ones back",
		Mend:     "refuse with 401 what does not verify: over webhook-id, webhook-timestamp and the raw body, with this endpoint's secret, within five minutes of now",
		Standard: "Standard Webhooks; OWASP ASVS 4.1.5; CWE-345",
	}, func(c *check) { c.listener().r.verifyIgnoresHostile() })

	item.Case("without the directory's own token nothing is read or changed", advice{
		Why:      "anybody on the internet reads, makes and deletes a customer's people",
		Mend:     "demand the directory's bearer token of every request, and compare it in full",
		Standard: "RFC 7644 §2; CVE-2025-4210; CWE-306",
	}, func(c *check) {
		o := c.Employer(scim.Okta{})
		e, never := o.hire(), o.someone()
		machine, err := suite.world.API.Token(suite.ctx)
		if err != nil {
			c.Trouble("no token of the API client: %v", err)
		}
		suite.learn(machine.AccessToken)
		for what, token := range map[string]string{
			"no token": "", "a made-up token": "scim_" + strings.ToLower(c.unique()), "the token and one letter more": suite.cfg.SCIMToken + "x",
			"the token without its last letter": suite.cfg.SCIMToken[:len(suite.cfg.SCIMToken)-1], "the API client's access token": machine.AccessToken,
		} {
			o.verifyShut(o.With(token), e, never, "with "+what)
		}
		assert.Zero(c, o.find("/Users", "userName", never.UserName).Total, "people whom requests without the directory's token have made")
		assert.True(c, e.read().Active(), "the directory shows the person as active whom requests without its token should have deactivated and deleted")
	})

	item.Case("a directory's token that was replaced opens nothing any more", advice{
		Why:      "the customer replaces a token that has leaked, and whoever has it goes on reading, making and deleting people",
		Mend:     "forget the secrets of before when a directory is given a new one in their place",
		Standard: "OWASP ASVS 13.3.4; CWE-324",
	}, func(c *check) {
		o := c.NewEmployer(scim.Okta{})
		e, never, old := o.hire(), o.someone(), o.Client
		secret, err := suite.world.API.ReplaceSecret(suite.ctx, o.orgID, o.id)
		c.mayBeAbsent("replace a directory's token", err)
		suite.learn(secret)
		o.Client = old.With(secret)
		require.True(c, e.read().Active(), "the directory shows the person as active to its new token")
		o.verifyShut(old, e, never, "with the token of before")
		assert.Zero(c, o.find("/Users", "userName", never.UserName).Total, "people whom requests with the token of before have made")
		assert.True(c, e.read().Active(), "the directory shows the person as active whom requests with the token of before should have deactivated and deleted")
	})

	item.Case("one customer's directory shows and changes nothing of another's", advice{
		Why:      "one customer's administrator reads, locks out and deletes the people of another",
		Mend:     "tie the token to its directory, and look for ids in that directory only",
		Standard: "OWASP ASVS 8.4.1; CWE-639",
	}, func(c *check) {
		c.Need("PREFLIGHT_SCIM_OTHER_URL", "PREFLIGHT_SCIM_OTHER_TOKEN")
		o := c.Employer(scim.Okta{})
		e, never := o.hire(), o.someone()
		group := o.newGroup()
		o.verifyShut(o.With(suite.cfg.SCIMOtherToken), e, never, "with another directory's token")
		other := scim.New(suite.cfg.SCIMOtherURL, suite.cfg.SCIMOtherToken, suite.client).Paced(suite.pace)
		if answer, err := other.Do(suite.ctx, http.MethodGet, scim.Query("/Users", "count", "1"), nil); err != nil || !answer.Good() {
			c.Trouble("PREFLIGHT_SCIM_OTHER_URL does not take PREFLIGHT_SCIM_OTHER_TOKEN: %v %v", answer, err)
		}
		o.verifyShut(other, e, nil, "by its id at another directory")
		o.verifyHidden(other, e, "by a filter at another directory")
		for list, id := range map[string]string{"/Users": e.id, "/Groups": group} {
			listed, err := other.All(suite.ctx, list)
			require.NoError(c, err, "all of %s at another directory", list)
			assert.NotContains(c, scim.List{Resources: listed}.IDs(), id, "ids in %s of another directory, of which one is of this directory", list)
		}
		assert.True(c, e.read().Active(), "the directory shows the person as active whom another directory should have deactivated and deleted")
		assert.Equal(c, "ACTIVE", e.membership().Status, "membership of the person whom another directory should have deactivated")
	})
}

// verifyShut fails the case if a client reads or changes an employee, or, where
// never is given, makes somebody or lists anybody.
func (o *employer) verifyShut(client *scim.Client, e, never *employee, how string) {
	o.c.Helper()
	type request struct {
		what, method, path string
		body               any
	}
	requests := []request{
		{"a person is read", http.MethodGet, e.path(), nil},
		{"a person is deactivated", http.MethodPatch, e.path(), o.speak.Switch(false)},
		{"a person is replaced", http.MethodPut, e.path(), o.speak.Create(e.Person)},
		{"a person is deleted", http.MethodDelete, e.path(), nil},
	}
	if never != nil {
		requests = append([]request{
			{"people are listed", http.MethodGet, "/Users", nil}, {"groups are listed", http.MethodGet, "/Groups", nil},
			{"a person is made", http.MethodPost, "/Users", o.speak.Create(never.Person)},
		}, requests...)
	}
	for _, r := range requests {
		answer, err := client.Do(suite.ctx, r.method, r.path, r.body)
		if err != nil {
			o.c.Trouble("the directory at %s: %v", client.Base(), err)
		}
		assert.False(o.c, answer.Good() || strings.Contains(string(answer.Raw), e.GivenName), "%s %s: %s", r.what, how, answer)
	}
}

// verifyHidden fails the case if a client finds an employee.
func (o *employer) verifyHidden(client *scim.Client, e *employee, how string) {
	o.c.Helper()
	answer, err := client.Do(suite.ctx, http.MethodGet, scim.Query("/Users", "filter", scim.Equals("userName", e.UserName)), nil)
	if err != nil {
		o.c.Trouble("the directory at %s: %v", client.Base(), err)
	}
	assert.NotContains(o.c, string(answer.Raw), e.id, "the person is found %s", how)
}

// listener is the app as it hears of a company's directory, and as somebody of
// that company sees what came of it.
type listener struct {
	c    *check
	r    *receiver
	o    *employer
	news func() string // where the app lists events; nil: it does not
	told []string      // ids that the app has heard of from the suite

	addresses map[string]string // by id, of those who are somebody
}

// listener signs somebody of the company in and returns what they see.
func (c *check) listener() *listener {
	c.Helper()
	l := &listener{c: c, r: c.endpoint("APP_DIRECTORY_PATH"), o: c.Employer(scim.Okta{}), addresses: map[string]string{}}
	agent := l.o.hire().signIn()
	l.r.page = func() string {
		stop := agent.AskJSON(suite.cfg.AppDirectoryPath)
		require.Equal(c, http.StatusOK, stop.Status, "the answer of APP_DIRECTORY_PATH to somebody who is signed in")
		return stop.Body
	}
	l.r.naming = func(name string) []byte {
		return l.event(dirUserCreated, l.entry(), name, true, time.Now())
	}
	if news := suite.cfg.AppWebhookEffectPath; news != "" {
		l.news = func() string { return agent.Look(news).Body }
	}
	c.removeLater("directory entries at the app", c.unique(), func(ctx context.Context) error { return l.forget(ctx) })
	return l
}

// entry is the id of a person whom no directory has: the app hears of them from
// the suite alone, and is told of their end when the case is over.
func (l *listener) entry() string {
	id := "diruser_" + l.c.unique()
	l.told = append(l.told, id)
	return id
}

// entryOf is the id of somebody who signs in, in a directory that does not have them.
func (l *listener) entryOf(user *flows.User) string {
	id := l.entry()
	l.addresses[id] = user.Email
	return id
}

// takeIn makes somebody who is signed in elsewhere a member of the company, too.
func (l *listener) takeIn(user *flows.User) {
	l.c.Helper()
	l.c.removeLater("membership", user.ID+" in "+l.o.orgID, func(ctx context.Context) error {
		return suite.world.API.RemoveMember(ctx, l.o.orgID, user.ID)
	})
	if _, err := suite.world.API.AddMember(suite.ctx, l.o.orgID, user.ID); err != nil {
		l.c.Trouble("the person cannot be made a member of the directory's organization: %v", err)
	}
}

// forget tells the app that everybody is gone of whom the suite alone has told
// it.
func (l *listener) forget(ctx context.Context) error {
	for _, id := range l.told {
		now := time.Now()
		body := l.event(dirUserDeleted, id, "", false, now.Add(time.Minute))
		if _, err := l.r.own.Sign(body, now).Post(ctx, suite.client, suite.cfg.App(suite.cfg.AppWebhookPath)); err != nil {
			return err
		}
	}
	return nil
}

// event is a directory event about a person (spec/webhooks-scim.md 3, 4.3).
func (l *listener) event(kind, id, name string, active bool, at time.Time) []byte {
	l.c.Helper()
	email := l.addresses[id]
	if email == "" {
		email = strings.ToLower(id) + "@" + l.o.domain
	}
	data := map[string]any{"id": id, "organization_id": l.o.orgID, "dp_id": id, "email": email}
	if kind != dirUserDeleted {
		data["preferred_username"], data["active"], data["name"], data["given_name"], data["family_name"] = data["email"], active, name, name, "Preflight"
		data["display_name"], data["groups"], data["roles"] = name, []any{}, []any{}
	}
	body, err := json.Marshal(map[string]any{
		"spec_version": "1", "id": "evt_" + l.c.unique(), "type": kind, "object": "DirectoryUser", "display_name": "Directory Event",
		"occurred_at": at.UTC(), "environment_id": "env_preflight", "organization_id": l.o.orgID, "data": data,
	})
	require.NoError(l.c, err)
	return body
}

// tell delivers an event, signed rightly.
func (l *listener) tell(body []byte) {
	l.c.Helper()
	if status := l.r.post(l.r.own.Sign(body, time.Now())); status/100 != 2 {
		l.c.Fatalf("expected the app to take a directory event that is signed rightly; it answered HTTP %d", status)
	}
}

// awaitAllTold waits for a sign that the app has come as far as the last event.
func (l *listener) awaitAllTold() {
	l.c.Helper()
	last := "Last" + l.c.unique()
	l.tell(l.r.naming(last))
	l.awaitShown(last, "the event after them")
}

func (l *listener) awaitShown(name, what string) {
	l.c.Helper()
	l.r.awaitEffect(name, what)
}

func (l *listener) awaitGone(name, what string) {
	l.c.Helper()
	l.c.Eventually(func() bool { return l.r.shown(name) == 0 }, l.c.patience(), "expected the app to show %s no more, after %s", name, what)
}

// toldOf is how often the app tells of a name where it lists events.
func (l *listener) toldOf(name string) int {
	if l.news == nil {
		return 0
	}
	text := l.news()
	return strings.Count(text+" ", name) - countLonger(text, name)
}
