// Package webhook signs deliveries as an auth environment does (Standard
// Webhooks; spec/webhooks-scim.md 1), and knows how they can be wrong. Its
// signatures are its own: what the product verifies with must not also sign
// here.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Signer signs with the secret of one endpoint.
type Signer struct{ key []byte }

// New reads a secret: whsec_ and standard Base64.
func New(secret string) (Signer, error) {
	_, encoded, found := strings.Cut(secret, "_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(key) == 0 {
		return Signer{}, errors.New("a webhook secret is whsec_ and standard Base64")
	}
	return Signer{key}, nil
}

// Stranger signs with a secret that nobody knows.
func Stranger() Signer {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	return Signer{key}
}

// Signature returns v1 and the HMAC-SHA256 over id, timestamp and body, in
// Base64, as the webhook-signature header lists it.
func (s Signer) Signature(id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Delivery is one request to an endpoint. An empty field sends no header.
type Delivery struct {
	ID        string
	Timestamp string // Unix seconds
	Signature string // one or more, separated by spaces
	Body      []byte
}

// Sign returns a delivery of body that was signed at a moment.
func (s Signer) Sign(body []byte, at time.Time) Delivery {
	d := Delivery{ID: "evt_" + rand.Text(), Timestamp: strconv.FormatInt(at.Unix(), 10), Body: body}
	d.Signature = s.Signature(d.ID, d.Timestamp, d.Body)
	return d
}

// Again returns the delivery as a retry has it: the same id and body, the time
// and the signature renewed.
func (s Signer) Again(d Delivery, at time.Time) Delivery {
	d.Timestamp = strconv.FormatInt(at.Unix(), 10)
	d.Signature = s.Signature(d.ID, d.Timestamp, d.Body)
	return d
}

// Post sends the delivery and returns the HTTP status. The error is the
// network's. A redirect is not followed, unless client does so.
func (d Delivery) Post(ctx context.Context, client *http.Client, address string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(d.Body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range map[string]string{
		"webhook-id": d.ID, "webhook-timestamp": d.Timestamp, "webhook-signature": d.Signature,
	} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}
