package scalekit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// Keys fetches the environment's public keys as they are now.
func (c *Client) Keys(ctx context.Context) (jwk.Set, error) {
	var raw json.RawMessage
	if _, err := c.get(ctx, "/keys", &raw); err != nil {
		return nil, err
	}
	set, err := jwk.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("GET %s/keys holds no usable key set (RFC 7517): %w", c.base, err)
	}
	return set, nil
}

// VerifyJWT verifies a token's signature (RS256, spec/oauth.md 4, by a key of
// the environment that its kid names), its issuer and that it has not expired,
// and returns its claims. iat and nbf are the caller's to judge: a subject
// that was aged lives ahead of this machine's clock. Numbers are json.Number.
func (c *Client) VerifyJWT(ctx context.Context, token string) (map[string]any, error) {
	keys, err := c.Keys(ctx)
	if err != nil {
		return nil, err
	}
	payload, err := jws.Verify([]byte(token), jws.WithKeyProvider(rs256{keys}))
	if err != nil {
		return nil, fmt.Errorf("the token is not signed by a key of %s/keys: %w", c.base, err)
	}
	claims, err := decodeClaims(payload)
	if err != nil {
		return nil, err
	}
	if issuer := claims["iss"]; issuer != c.base {
		return nil, fmt.Errorf("the token's issuer is %v, not the environment %s", issuer, c.base)
	}
	expires, ok := claims["exp"].(json.Number)
	seconds, err := expires.Float64()
	if !ok || err != nil {
		return nil, errors.New("the token never expires: exp is missing or no number")
	}
	if at := time.Unix(int64(seconds), 0); !time.Now().Before(at) {
		return nil, fmt.Errorf("the token expired at %s", at.UTC().Format(time.RFC3339))
	}
	return claims, nil
}

// LivesFor is how long a token with these claims was made for: from iat to exp
// (RFC 7519, 4.1). It is 0 where one of the two is missing or no number.
func LivesFor(claims map[string]any) time.Duration {
	var at [2]float64
	for i, name := range []string{"iat", "exp"} {
		number, ok := claims[name].(json.Number)
		seconds, err := number.Float64()
		if !ok || err != nil {
			return 0
		}
		at[i] = seconds
	}
	return time.Duration((at[1] - at[0]) * float64(time.Second))
}

// Claims reads a token's claims without verifying anything.
func Claims(token string) (map[string]any, error) {
	message, err := jws.Parse([]byte(token))
	if err != nil {
		return nil, fmt.Errorf("this is no JWT: %w", err)
	}
	return decodeClaims(message.Payload())
}

func decodeClaims(payload []byte) (map[string]any, error) {
	decoder := json.NewDecoder(strings.NewReader(string(payload)))
	decoder.UseNumber()
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil || claims == nil {
		return nil, errors.New("the token's payload is no JSON object (RFC 7519, 7.2)")
	}
	return claims, nil
}

// rs256 offers only the key that kid names, and only for RS256, whatever the
// token's header asks for.
type rs256 struct{ keys jwk.Set }

// FetchKeys is jws.KeyProvider.
func (p rs256) FetchKeys(_ context.Context, sink jws.KeySink, sig *jws.Signature, _ *jws.Message) error {
	algorithm, ok := sig.ProtectedHeaders().Algorithm()
	if !ok || algorithm != jwa.RS256() {
		return errors.New("its alg is not RS256")
	}
	kid, ok := sig.ProtectedHeaders().KeyID()
	if !ok {
		return errors.New("its header names no kid")
	}
	key, ok := p.keys.LookupKeyID(kid)
	if !ok {
		return fmt.Errorf("the environment has no key %q", kid)
	}
	sink.Key(jwa.RS256(), key)
	return nil
}
