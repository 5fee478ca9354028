package inbox

import (
	"bytes"
	"context"
	"mime"
	"net/mail"
	"strings"
	"time"

	"github.com/jhillyerd/enmime/v2"
)

// read makes a message of a mail as it came over SMTP. What only the inbox
// knows, its id, the envelope and the time, is for the caller to fill in.
func read(source []byte) (Message, error) {
	text, html, err := Parts(source)
	if err != nil {
		return Message{}, err
	}
	root, err := enmime.ReadParts(bytes.NewReader(source))
	if err != nil {
		return Message{}, err
	}
	m := Message{
		MessageID: strings.Trim(root.Header.Get("Message-Id"), "<> "),
		From:      first(addressesIn(root.Header.Get("From"))),
		To:        addressesIn(root.Header["To"]...),
		Subject:   decoded(root.Header.Get("Subject")),
		Text:      text, HTML: html,
		Header: root.Header,
	}
	m.ReturnPath = strings.Trim(root.Header.Get("Return-Path"), "<> ")
	m.EnvelopeTo = recipients(root.Header)
	m.Links, m.Codes = extract(html, text)
	return m, nil
}

// fromSource reads a mail as the inbox received it.
func fromSource(ctx context.Context, in store, id string, received time.Time) (Message, error) {
	source, err := in.raw(ctx, id)
	if err != nil {
		return Message{}, err
	}
	message, err := read(source)
	message.ID, message.Received = id, received
	return message, err
}

// deliveredTo are fields in which a receiving mail server writes for whom a
// mail was, the hidden recipients included.
var deliveredTo = []string{"Delivered-To", "X-Original-To", "Envelope-To"}

// recipients are everybody of whom the header says that the mail went there.
func recipients(header map[string][]string) []string {
	var all []string
	for _, field := range append([]string{"To", "Cc", "Bcc"}, deliveredTo...) {
		all = append(all, addressesIn(header[field]...)...)
	}
	return unique(all)
}

func addressesIn(fields ...string) []string {
	var all []string
	for _, field := range fields {
		list, err := mail.ParseAddressList(field)
		if err != nil {
			if bare := strings.Trim(strings.TrimSpace(field), "<>"); strings.Count(bare, "@") == 1 && !strings.ContainsAny(bare, " ,;\"") {
				all = append(all, bare)
			}
			continue
		}
		for _, address := range list {
			all = append(all, address.Address)
		}
	}
	return all
}

// unique keeps each address once, in its first spelling.
func unique(addresses []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, address := range addresses {
		if key := strings.ToLower(address); address != "" && !seen[key] {
			seen[key] = true
			all = append(all, address)
		}
	}
	return all
}

// addresses are those of some people, in the form that an inbox has for them.
func addresses[P interface{ address() string }](people []P) (all []string) {
	for _, p := range people {
		all = append(all, p.address())
	}
	return all
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func decoded(subject string) string {
	text, err := new(mime.WordDecoder).DecodeHeader(subject)
	if err != nil {
		return subject
	}
	return text
}
