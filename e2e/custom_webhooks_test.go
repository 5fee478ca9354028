package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/webhook"
)

// The app hears what the environment says, and nobody else. What a delivery
// did is looked at in the app, as a signed-in person: each carries a name for
// that person's organization that nothing else has. A status is not enough:
// receivers may answer first and judge later.
func TestWebhooks(t *testing.T) {
	item := begin(t, "custom/webhooks")

	item.Case("a rightly signed delivery is taken", advice{
		Why:      "what changes at Scalekit never reaches the product: removed people stay, new ones are missing",
		Mend:     "verify the bytes as they came, before any parsing; try every signature of the header; skip versions that you do not know; answer 2xx within ten seconds",
		Standard: "Standard Webhooks; spec/webhooks-scim.md 1 and 5",
	}, func(c *check) { c.receiver().verifyTakesLegal() })

	item.Case("a delivery that is not signed rightly, or not now, changes nothing", advice{
		Why:      "anybody on the internet can rename, suspend or delete your customers",
		Mend:     "refuse with 401 what does not verify: over webhook-id, webhook-timestamp and the raw body, with this endpoint's secret, within five minutes of now",
		Standard: "Standard Webhooks; OWASP ASVS 4.1.5; CWE-345",
	}, func(c *check) { c.receiver().verifyIgnoresHostile() })

	item.Case("a delivery that comes again has no second effect", advice{
		Why:      "webhooks come at least once: a retry undoes what came after it, or counts twice",
		Mend:     "remember webhook-id for longer than the tolerance, and answer 2xx to one that was done already",
		Standard: "Standard Webhooks (idempotency); spec/webhooks-scim.md 2",
	}, func(c *check) {
		r := c.receiver()
		first, second, last := c.unique(), c.unique(), c.unique()
		delivery := r.own.Sign(r.renaming(first), time.Now())
		r.post(delivery)
		r.awaitEffect(first, "the first delivery")
		// A name that came since: a receiver that shows only the latest shows
		// the old one again if it acts twice.
		r.post(r.own.Sign(r.renaming(second), time.Now()))
		r.awaitEffect(second, "the second delivery")
		before := r.shown(first)
		r.post(delivery)
		assert.Equal(c, before, r.shown(first), "how often the app shows the effect after the same delivery came again")
		r.post(r.own.Again(delivery, time.Now().Add(time.Second)))
		assert.Equal(c, before, r.shown(first), "how often the app shows the effect after a retry, signed anew under the same id")
		r.post(r.own.Sign(r.renaming(last), time.Now()))
		r.awaitEffect(last, "the last delivery")
		assert.LessOrEqual(c, r.shown(first), before, "how often the app shows the effect in the end")
	})

	item.Case("a delivery that comes several times at once has one effect", advice{
		Why:      "a sender that waited too long sends again while the first is still worked on: it counts twice",
		Mend:     "note webhook-id before acting, in one step that only one of them can make: a unique key, an insert that fails",
		Standard: "Standard Webhooks (idempotency); CWE-367",
	}, func(c *check) {
		const atOnce = 4
		r := c.receiver()
		once, often, last := c.unique(), c.unique(), c.unique()
		r.post(r.own.Sign(r.renaming(once), time.Now()))
		r.awaitEffect(once, "the first delivery")
		delivery := r.own.Sign(r.renaming(often), time.Now())
		together(make([]int, atOnce), func(int) []string { r.post(delivery); return nil })
		r.awaitEffect(often, "a delivery that came several times at once")
		r.post(r.own.Sign(r.renaming(last), time.Now()))
		r.awaitEffect(last, "the last delivery")
		assert.Equal(c, r.shown(once), r.shown(often), "how often the app shows the effect of a delivery that came %d times at once, against one that came once", atOnce)
	})

	item.Case("what changes in the environment reaches the app", advice{
		Why:      "the receiver may be right, but nothing is ever sent to it",
		Mend:     "register APP_URL and APP_WEBHOOK_PATH under Webhooks in the dashboard, subscribe it to organization.updated, and look at its delivery log",
		Standard: "CHECKLIST custom/webhooks",
	}, func(c *check) {
		r := c.receiver()
		name := "Preflight " + c.unique()
		if err := suite.world.API.RenameOrganization(suite.ctx, r.user.OrgID, name); err != nil {
			c.Trouble("the organization cannot be renamed: %v", err)
		}
		r.awaitEffect(name, "the environment's own organization.updated")
	})
}

// receiver is the app's webhook endpoint, as a signed-in person sees its
// effects.
type receiver struct {
	c    *check
	own  webhook.Signer
	user *flows.User
	// naming is an event that gives something a name, and page is where the
	// app shows it.
	naming func(name string) []byte
	page   func() string
}

// verifyTakesLegal fails the case unless every rightly signed delivery has its
// effect.
func (r *receiver) verifyTakesLegal() {
	r.c.Helper()
	for _, recipe := range webhook.Legal(r.own) {
		name := r.c.unique()
		status := r.post(recipe.Make(r.naming(name)))
		assert.Equal(r.c, 2, status/100, "the answer to %s is 2xx; it was HTTP %d", recipe.Name, status)
		r.awaitEffect(name, recipe.Name)
	}
}

// verifyIgnoresHostile fails the case if a delivery that is not signed rightly,
// or not now, has an effect.
func (r *receiver) verifyIgnoresHostile() {
	r.c.Helper()
	sent := map[string]string{}
	for _, recipe := range webhook.Hostile(r.own) {
		name := r.c.unique()
		sent[name] = recipe.Name
		status := r.post(recipe.Make(r.naming(name)))
		assert.Zero(r.c, r.shown(name), "a delivery %s changes nothing (HTTP %d)", recipe.Name, status)
	}
	// The sign that a receiver which acts later has come this far.
	last := r.c.unique()
	r.post(r.own.Sign(r.naming(last), time.Now()))
	r.awaitEffect(last, "the rightly signed one after them")
	for name, what := range sent {
		assert.Zero(r.c, r.shown(name), "a delivery %s changes nothing, also later", what)
	}
	// Nor does it use up its id: the genuine one is no repetition of a forgery.
	forged, genuine := webhook.Stranger().Sign(r.naming(r.c.unique()), time.Now()), r.c.unique()
	r.post(forged)
	r.post(r.own.Again(webhook.Delivery{ID: forged.ID, Body: r.naming(genuine)}, time.Now()))
	r.awaitEffect(genuine, "a rightly signed delivery whose id a forged one had before")
}

// receiver signs somebody in and returns the endpoint that speaks of their
// organization.
func (c *check) receiver() *receiver {
	c.Helper()
	r := c.endpoint("APP_WEBHOOK_EFFECT_PATH")
	c.Cast(1)
	v := c.Browser()
	r.user = c.NewUser()
	v.SignIn(r.user)
	r.naming, r.page = r.renaming, func() string {
		answer := v.Fetch(http.MethodGet, suite.cfg.App(suite.cfg.AppWebhookEffectPath))
		require.Equal(c, http.StatusOK, answer.Status, "the answer of APP_WEBHOOK_EFFECT_PATH to a signed-in person")
		return string(answer.Body)
	}
	return r
}

// endpoint is the app's webhook endpoint; more names what a case needs to see
// effects.
func (c *check) endpoint(more ...string) *receiver {
	c.Helper()
	c.Need(append([]string{"APP_WEBHOOK_PATH", "SCALEKIT_WEBHOOK_SECRET"}, more...)...)
	own, err := webhook.New(suite.cfg.WebhookSecret)
	require.NoError(c, err, "SCALEKIT_WEBHOOK_SECRET")
	return &receiver{c: c, own: own}
}

// renaming is an event that gives the person's organization a name.
func (r *receiver) renaming(name string) []byte {
	r.c.Helper()
	now := time.Now().UTC()
	body, err := json.Marshal(map[string]any{
		"spec_version": "1", "id": "evt_" + r.c.unique(), "type": "organization.updated", "object": "Organization",
		"occurred_at": now, "environment_id": "env_preflight", "organization_id": r.user.OrgID, "display_name": "Organization Updated",
		"data": map[string]any{
			"id": r.user.OrgID, "display_name": name, "external_id": nil, "metadata": nil, "region_code": "US",
			"create_time": now, "update_time": now, "settings": map[string]any{"features": []any{}},
		},
	})
	require.NoError(r.c, err)
	return body
}

// post sends a delivery to the app.
func (r *receiver) post(d webhook.Delivery) (status int) {
	r.c.Helper()
	status, err := d.Post(suite.ctx, suite.client, suite.cfg.App(suite.cfg.AppWebhookPath))
	if err != nil {
		r.c.Trouble("APP_WEBHOOK_PATH does not answer: %v", err)
	}
	return status
}

// shown is how often the app shows a name to the person.
func (r *receiver) shown(name string) int {
	r.c.Helper()
	text := r.page()
	// Names end in a number: what follows must not make another one of it.
	return strings.Count(text+" ", name) - countLonger(text, name)
}

// awaitEffect waits until the app shows a name.
func (r *receiver) awaitEffect(name, what string) {
	r.c.Helper()
	r.c.Eventually(func() bool { return r.shown(name) > 0 }, r.c.patience(), "expected the app to show the effect of %s", what)
}

// countLonger is how often a name is only the beginning of a longer one.
func countLonger(text, name string) (n int) {
	for digit := '0'; digit <= '9'; digit++ {
		n += strings.Count(text, name+string(digit))
	}
	return n
}
