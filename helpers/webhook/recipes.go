package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// farOff is well outside the tolerance of five minutes: what lies near its
// edge is nobody's fault.
const farOff = time.Hour

// Recipe makes a delivery of a body.
type Recipe struct {
	Name string
	Make func(body []byte) Delivery
}

// Legal are deliveries that a receiver has to take. own signs with the
// endpoint's secret.
func Legal(own Signer) []Recipe {
	now := func(body []byte) Delivery { return own.Sign(body, time.Now()) }
	return []Recipe{
		{"a plain one", now},
		{"one whose second signature is right, as during a change of secrets", func(body []byte) Delivery {
			d := now(body)
			d.Signature = Stranger().Signature(d.ID, d.Timestamp, body) + " " + d.Signature
			return d
		}},
		{"one whose first signature is right", func(body []byte) Delivery {
			d := now(body)
			d.Signature += " " + Stranger().Signature(d.ID, d.Timestamp, body)
			return d
		}},
		{"one with a signature of an unknown version beside the right one", func(body []byte) Delivery {
			d := now(body)
			d.Signature = "v9," + base64.StdEncoding.EncodeToString(make([]byte, 32)) + " " + d.Signature
			return d
		}},
		{"one whose JSON has line breaks, escapes and odd numbers", func(body []byte) Delivery { return now(odd(body)) }},
		{"one that was signed a minute ago", func(body []byte) Delivery { return own.Sign(body, time.Now().Add(-time.Minute)) }},
	}
}

// Hostile are deliveries that a receiver must not act on.
func Hostile(own Signer) []Recipe {
	now := func(body []byte) Delivery { return own.Sign(body, time.Now()) }
	changed := func(change func(*Delivery)) func([]byte) Delivery {
		return func(body []byte) Delivery {
			d := now(body)
			change(&d)
			return d
		}
	}
	return []Recipe{
		{"without id, time and signature", func(body []byte) Delivery { return Delivery{Body: body} }},
		{"without a signature", changed(func(d *Delivery) { d.Signature = "" })},
		{"without an id", changed(func(d *Delivery) { d.ID = "" })},
		{"without a time", changed(func(d *Delivery) { d.Timestamp = "" })},
		{"with a made-up signature", changed(func(d *Delivery) {
			d.Signature = "v1," + base64.StdEncoding.EncodeToString(make([]byte, 32))
		})},
		{"with an empty signature", changed(func(d *Delivery) { d.Signature = "v1," })},
		{"signed with another secret", func(body []byte) Delivery { return Stranger().Sign(body, time.Now()) }},
		{"signed with an empty secret", func(body []byte) Delivery { return Signer{}.Sign(body, time.Now()) }},
		{"whose body was altered", func(body []byte) Delivery {
			d := now([]byte("{}"))
			d.Body = body
			return d
		}},
		{"whose body was altered by one byte", func(body []byte) Delivery {
			d := now(body)
			d.Body = append(bytes.Clone(body), ' ')
			return d
		}},
		{"whose id was altered", changed(func(d *Delivery) { d.ID += "1" })},
		{"whose time was altered", changed(func(d *Delivery) {
			seconds, _ := strconv.ParseInt(d.Timestamp, 10, 64) // our own
			d.Timestamp = strconv.FormatInt(seconds+1, 10)
		})},
		{"signed an hour ago", func(body []byte) Delivery { return own.Sign(body, time.Now().Add(-farOff)) }},
		{"signed an hour from now", func(body []byte) Delivery { return own.Sign(body, time.Now().Add(farOff)) }},
		{"with an unknown signature version alone", changed(func(d *Delivery) {
			d.Signature = "v9," + strings.TrimPrefix(d.Signature, "v1,")
		})},
	}
}

// odd writes the same JSON in other bytes: line breaks, an escaped letter in a
// name, a number that a parser would write another way, a blank at the end.
func odd(body []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, body, "", " \t") != nil {
		return body
	}
	text := strings.Replace(b.String(), `"object"`, `"\u006fbject"`, 1)
	return []byte(strings.Replace(text, "{", "{\r\n \"preflight\": [1.50e+2, \"\\u00e4/\\/\", -0.0],", 1) + "\r\n ")
}
