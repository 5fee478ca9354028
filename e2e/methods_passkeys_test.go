package e2e

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/flows"
	"github.com/auth-preflight/auth-preflight/helpers/passkey"
	"github.com/auth-preflight/auth-preflight/helpers/scalekit"
)

// A passkey lets its owner in, from the right site, once for each challenge.
func TestPasskeys(t *testing.T) {
	item := begin(t, "methods/passkeys")

	item.Case("a passkey is added and signs in", advice{
		Why:      "people who gave up their password for a passkey are locked out",
		Mend:     "check the relying-party id and origins under Authentication > Passkeys",
		Standard: "WebAuthn Level 3 §7.1 and §7.2",
	}, func(c *check) {
		user, v, device := c.passkeyOwner()
		before := device.Credentials()[0].SignCount
		v.SignOut()
		used := v.SignInByPasskey(device)
		v.VerifySignedIn(user)
		assert.Greater(c, used.SignCount, before, "the passkey's sign count")
	})

	item.Case("a cancelled prompt leaves another way in", advice{
		Why:      "people whose phone is not at hand sit before a spinner",
		Mend:     "catch NotAllowedError, say what happened and leave the other methods usable",
		Standard: "WebAuthn Level 3 §5.1.4; CHECKLIST methods/fallback",
	}, func(c *check) {
		user, v, device := c.passkeyOwner()
		v.SignOut()
		device.Cancel(true)
		v.ChoosePasskey()
		v.AwaitPasskeyEnd()
		v.VerifySignedOut()
		v.EnterCode(v.RequestCode(user)) // on the same page, without starting again
		v.AwaitLanding()
		v.VerifySignedIn(user)
	})

	item.Case("a passkey that was removed is refused", advice{
		Why:      "the passkey of a lost phone still opens the account after its owner removed it",
		Mend:     "delete the credential's public key when it is removed, and look it up at every sign-in",
		Standard: "OWASP ASVS 6.5.6",
	}, func(c *check) {
		_, v, _ := c.passkeyOwner()
		v.RemovePasskey()
		v.SignOut()
		v.ChoosePasskey()
		v.AwaitPasskeyEnd()
		v.VerifyNoWayIn()
	})

	item.Case("a passkey of somebody else cannot be removed", advice{
		Why:      "anybody locks anybody out",
		Mend:     "compare the credential's owner with the session's user before deleting",
		Standard: "OWASP ASVS 8.2.2; CVE-2025-71400",
	}, func(c *check) {
		owners := c.passkeyOwners(2)
		victim, attacker := owners[0], owners[1]
		attacker.v.RemovePasskeyOf(victim.v)
		victim.v.SignOut()
		victim.v.SignInByPasskey(victim.device) // the status of the attempt says nothing: the victim must still get in
		victim.v.VerifySignedIn(victim.user)
	})

	item.Case("no other site can show the page of one's passkeys in a frame", keptOutOfFrames, func(c *check) {
		c.NeedMethod("passkey")
		c.Cast(1)
		v := c.Browser()
		v.SignIn(c.NewUser())
		v.OpenPasskeys()
		c.unframableHere("the page of one's passkeys", v)
	})

	item.Case("a passkey of somebody else cannot be renamed", advice{
		Why:      "a stranger writes on somebody's own page, and makes them remove the wrong key",
		Mend:     "compare the credential's owner with the session's user before renaming",
		Standard: "OWASP ASVS 8.2.2",
	}, func(c *check) {
		owners := c.passkeyOwners(2)
		v, attacker := owners[0].v, owners[1].v
		if !attacker.CanRenamePasskeys() {
			c.NotApplicable("the passkeys page renames nothing")
		}
		name := "Intruder " + c.unique()
		require.NotContains(c, attacker.RenamePasskeyOf(v, name), name, "the victim's passkeys after a stranger renamed one")
	})

	item.Case("an assertion signs in by hand as it does by the page", advice{
		Why:      "the hostile cases of this item rest on it",
		Mend:     "none: if this case alone is red, the hosted page does something with the credential that the suite does not know",
		Standard: "WebAuthn Level 3 §7.2",
	}, func(c *check) {
		user, owner, _ := c.passkeyOwner()
		v := c.Browser()
		v.FinishCeremony(owner.Assert(v.BeginCeremony()))
		v.VerifySignedIn(user)
	})

	for _, hostile := range []struct {
		name   string
		advice advice
		answer func(c *check, owner *flows.Visitor, asked flows.Ceremony) map[string]any
	}{
		{"an assertion for another challenge is refused", advice{
			Why:      "an assertion that was caught anywhere opens the account",
			Mend:     "compare clientDataJSON.challenge with the one that this browser was given",
			Standard: "WebAuthn Level 3 §7.2 (challenge), §13.4.3",
		}, func(_ *check, owner *flows.Visitor, asked flows.Ceremony) map[string]any {
			asked["challenge"] = scalekit.NewNonce()
			return owner.Assert(asked)
		}},
		{"an assertion with a broken signature is refused", advice{
			Why:      "nobody needs the key",
			Mend:     "verify the signature with the stored public key, and stop when it does not fit",
			Standard: "WebAuthn Level 3 §7.2 (signature)",
		}, func(_ *check, owner *flows.Visitor, asked flows.Ceremony) map[string]any {
			assertion := owner.Assert(asked)
			response, _ := assertion["response"].(map[string]any)
			signature, _ := response["signature"].(string)
			middle := len(signature) / 2
			response["signature"] = alter(signature[:middle]) + signature[middle:]
			return assertion
		}},
		{"an assertion made on another site is refused", advice{
			Why:      "a page on a forgotten sub-domain collects assertions that open accounts",
			Mend:     "compare clientDataJSON.origin with the list of allowed origins, exactly",
			Standard: "WebAuthn Level 3 §7.2 (origin), §13.4.9",
		}, func(_ *check, owner *flows.Visitor, asked flows.Ceremony) map[string]any {
			owner.GoToSibling()
			return owner.Assert(asked)
		}},
	} {
		item.Case(hostile.name, hostile.advice, func(c *check) {
			_, owner, _ := c.passkeyOwner()
			v := c.Browser()
			v.FinishCeremony(hostile.answer(c, owner, v.BeginCeremony()))
			v.VerifyNoWayIn()
		})
	}

	item.Case("a passkey signs in its owner only", advice{
		Why:      "anybody with a passkey of their own signs in as anybody",
		Mend:     "look the credential up by its id, and compare its owner with the user handle",
		Standard: "WebAuthn Level 3 §7.2 (user handle)",
	}, func(c *check) {
		owners := c.passkeyOwners(2)
		owner, other := owners[0].v, owners[1].v
		stranger := owners[1].device.Credentials()[0].UserHandle
		v := c.Browser()
		assertion := owner.Assert(v.BeginCeremony())
		response, _ := assertion["response"].(map[string]any)
		response["userHandle"] = base64.RawURLEncoding.EncodeToString(stranger)
		v.FinishCeremony(assertion)
		v.VerifyNoWayIn()
		other.Goto(suite.cfg.App("/")) // its window stays open until here
	})

	item.Case("a challenge answers only in the browser that was given it", advice{
		Why:      "an attacker begins a sign-in, has the victim's browser sign for it, and finishes it himself",
		Mend:     "keep the challenge in this browser's own transaction",
		Standard: "WebAuthn Level 3 §13.4.3",
	}, func(c *check) {
		_, owner, _ := c.passkeyOwner()
		v, elsewhere := c.Browser(), c.Browser()
		asked := elsewhere.BeginCeremony()
		v.BeginCeremony()
		v.FinishCeremony(owner.Assert(asked))
		v.VerifyNoWayIn()
	})

	item.Case("an assertion without the user's verification is refused where it was asked for", advice{
		Why:      "who finds an unlocked device is in, without fingerprint or PIN",
		Mend:     "look at the UV flag when userVerification was \"required\"",
		Standard: "WebAuthn Level 3 §7.2 (UV)",
	}, func(c *check) {
		_, owner, _ := c.passkeyOwner()
		v := c.Browser()
		asked := v.BeginCeremony()
		if asked["userVerification"] != "required" {
			c.NotApplicable("the sign-in asks for user verification only as \"" + fmt.Sprint(asked["userVerification"]) + "\" (DEFECTS.md C-27)")
		}
		asked["userVerification"] = "discouraged"
		v.FinishCeremony(owner.Assert(asked))
		v.VerifyNoWayIn()
	})

	item.Case("an assertion that nobody touched the device for is refused", advice{
		Why:      "a program on somebody's computer signs in by the key that is plugged in, while nobody is there",
		Mend:     "look at the UP flag of every assertion",
		Standard: "WebAuthn Level 3 §7.2 (UP)",
	}, func(c *check) {
		_, owner, device := c.passkeyOwner()
		device.HideTouch()
		v := c.Browser()
		v.FinishCeremony(owner.Assert(v.BeginCeremony()))
		v.VerifyNoWayIn()
	})

	item.Case("an assertion works once", advice{
		Why:      "an assertion that was read in a log opens the account again",
		Mend:     "forget a challenge as soon as it has been answered",
		Standard: "WebAuthn Level 3 §13.4.3",
	}, func(c *check) {
		user, owner, _ := c.passkeyOwner()
		v := c.Browser()
		v.FinishCeremony(owner.Assert(v.BeginCeremony()))
		v.VerifySignedIn(user)
		v.ReplayPasskey()
		v.VerifySignedOut()
	})
}

// passkeyOwner is a user who is signed in in a browser and has a passkey there.
func (c *check) passkeyOwner() (*flows.User, *flows.Visitor, passkey.Authenticator) {
	c.Helper()
	owner := c.passkeyOwners(1)[0]
	return owner.user, owner.v, owner.device
}

// owner is somebody with a passkey, and the browser that has it.
type owner struct {
	user   *flows.User
	v      *flows.Visitor
	device passkey.Authenticator
}

// passkeyOwners is passkeyOwner for several.
func (c *check) passkeyOwners(n int) (owners []owner) {
	c.Helper()
	c.NeedMethod("passkey")
	for _, user := range c.AnyUsers(n) {
		c.mayHavePasskeys(user)
		v := c.Browser()
		device := passkey.New(v.Page, passkey.Options{ResidentKey: true, UserVerified: true})
		v.SignIn(user)
		v.AddPasskey(device)
		owners = append(owners, owner{user, v, device})
	}
	return owners
}
