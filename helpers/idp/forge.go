package idp

import (
	"strings"

	"github.com/beevik/etree"
)

// Forge is the workbench of a recipe: what a genuine answer would say, and who
// the attacker wants to be instead.
type Forge struct {
	IdP *IdP
	// Other is an identity provider that another organization of the same
	// environment has registered; nil if there is none.
	Other   *IdP
	Request Request
	Genuine Person // signed by the identity provider
	Evil    Person // never signed, except where a recipe says so
	Base    Base
	// CollectorURL is where external entities point.
	CollectorURL string

	params *Params
}

// Params returns the fields of the genuine answer. Within one Forge the ids
// and times stay the same, so that forged parts fit the genuine ones.
func (f *Forge) Params() Params {
	if f.params == nil {
		p := f.IdP.Params(f.Request, f.Genuine, f.Base)
		f.params = &p
	}
	return *f.params
}

// evilParams are the fields of the genuine answer, for the evil person.
func (f *Forge) evilParams() Params {
	p := f.Params()
	p.Person = f.Evil
	return p
}

// evilID names a forged element. It is fresh for each message: a service
// provider that remembers ids would take a second use for a replay, and the
// probe would show nothing.
func (f *Forge) evilID(kind string) string { return "_evil" + kind + f.Params().ResponseID }

// changed returns a genuine, correctly signed answer with some fields changed.
func (f *Forge) changed(change func(*Params)) []byte {
	p := f.Params()
	change(&p)
	return p.XML()
}

// document is a response that is being taken apart.
type document struct{ *etree.Document }

// genuine returns the genuine, signed answer.
func (f *Forge) genuine() document { return read(f.Params().XML()) }

// evilAssertion returns an unsigned assertion about the evil person.
func (f *Forge) evilAssertion(id string) *etree.Element {
	p := f.evilParams()
	p.AssertionID = id
	return read([]byte(p.assertion(""))).Root()
}

// read parses what this package has written.
func read(xml []byte) document {
	d := etree.NewDocument()
	if err := d.ReadFromBytes(xml); err != nil {
		panic("idp: a template is not well-formed: " + err.Error())
	}
	return document{d}
}

// bytes writes the document without adding white space, which would change
// what is digested.
func (d document) bytes() []byte {
	d.WriteSettings = etree.WriteSettings{CanonicalEndTags: true, CanonicalText: true, CanonicalAttrVal: true}
	out, err := d.WriteToBytes()
	if err != nil {
		panic("idp: a document cannot be written: " + err.Error())
	}
	return out
}

func (d document) response() *etree.Element { return d.Root() }

// assertion returns the assertion that is a child of the response.
func (d document) assertion() *etree.Element { return child(d.Root(), "Assertion") }

// signed returns the element that carries the signature of a base: the
// response or its assertion.
func (d document) signed(base Base) *etree.Element {
	if base == SignedResponse {
		return d.response()
	}
	return d.assertion()
}

// child returns the first child element of a local name, or nil.
func child(el *etree.Element, tag string) *etree.Element {
	for _, c := range el.ChildElements() {
		if c.Tag == tag {
			return c
		}
	}
	return nil
}

// signatureOf returns an element's own signature, or nil.
func signatureOf(el *etree.Element) *etree.Element { return child(el, "Signature") }

// unsigned returns a deep copy of an element without its own signature.
func unsigned(el *etree.Element) *etree.Element {
	c := el.Copy()
	if sig := signatureOf(c); sig != nil {
		c.RemoveChild(sig)
	}
	return c
}

// become makes el say what evil says, keeping el's own signature, ID and place.
func become(el, evil *etree.Element) {
	sig := signatureOf(el)
	for _, c := range el.ChildElements() {
		if c != sig {
			el.RemoveChild(c)
		}
	}
	evilSig := signatureOf(evil)
	before := true
	for _, c := range evil.ChildElements() {
		switch {
		case c == evilSig:
		case before && sig != nil: // the Issuer stands before the signature
			el.InsertChildAt(sig.Index(), c.Copy())
			before = false
		default:
			el.AddChild(c.Copy())
		}
	}
}

// setID renames an element.
func setID(el *etree.Element, id string) { el.CreateAttr("ID", id) }

// replace puts el where old is.
func replace(old, el *etree.Element) {
	parent := old.Parent()
	parent.InsertChildAt(old.Index(), el)
	parent.RemoveChild(old)
}

// insertBefore puts el before mark, under the same parent.
func insertBefore(mark, el *etree.Element) { mark.Parent().InsertChildAt(mark.Index(), el) }

// object wraps an element in a ds:Object, the place where a signature may
// carry data of any kind (xmldsig-core §4.5).
func object(el *etree.Element) *etree.Element {
	o := etree.NewElement("ds:Object")
	o.AddChild(el)
	return o
}

// within returns the first element of a local name below el.
func within(el *etree.Element, tag string) *etree.Element { return el.FindElement(".//" + tag) }

// suffixed is the evil address with a tail that the attacker owns: an identity
// provider of evil.test may well vouch for it.
func (f *Forge) suffixed() Person {
	p := f.Evil
	p.Email += evilTail
	p.NameID = ""
	return p
}

const evilTail = ".evil.test"

// split signs the suffixed address and then breaks it in two with mark, in
// every place. Canonical XML drops or resolves the mark, so the signature
// holds; a reader that takes the first text node only sees the evil address.
func (f *Forge) split(mark string) []byte {
	signed := string(f.changed(func(p *Params) { p.Person = f.suffixed() }))
	return []byte(strings.ReplaceAll(signed, text(f.Evil.Email+evilTail), text(f.Evil.Email)+mark))
}
