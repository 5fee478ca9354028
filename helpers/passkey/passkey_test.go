package passkey

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
)

const tinyPage = `<!doctype html><html lang=en><title>Passkeys</title><output></output>
<script>
const user = {id: new TextEncoder().encode('usr_1'), name: 'ada@x.test', displayName: 'Ada'};
const challenge = () => crypto.getRandomValues(new Uint8Array(32));
async function ceremony(ask) {
  const out = document.querySelector('output');
  out.textContent = '';
  const begun = performance.now();
  try { out.textContent = 'done ' + (await ask()).type; }
  catch (e) { out.textContent = e.name + ' after ' + Math.round(performance.now() - begun); }
}
const register = (uv) => ceremony(() => navigator.credentials.create({publicKey: {
  rp: {name: 'x'}, user, challenge: challenge(), pubKeyCredParams: [{type: 'public-key', alg: -7}], timeout: 60000,
  authenticatorSelection: {residentKey: 'required', userVerification: uv}}}));
const signIn = (uv) => ceremony(() => navigator.credentials.get({publicKey: {challenge: challenge(), timeout: 60000, userVerification: uv}}));
</script></html>`

func TestAPasskeyIsRegisteredAndUsed(t *testing.T) {
	b, err := browser.Launch(context.Background(), browser.Options{
		AllowedHosts: []string{"*.localhost"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	p := b.Open(t, browser.WindowOptions{Timeout: 20 * time.Second})
	p.Serve("https://app.localhost:8443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, tinyPage)
	}))
	p.Goto("https://app.localhost:8443/")
	a := New(p, Options{})
	assert.Empty(t, a.Credentials())

	p.Eval("() => register('required')", nil)
	assert.Equal(t, "done public-key", p.Text())
	added := a.AwaitAdded()
	assert.Equal(t, "app.localhost", added.RPID)
	assert.Equal(t, "usr_1", string(added.UserHandle))

	p.Eval("() => signIn('required')", nil)
	assert.Equal(t, "done public-key", p.Text())
	assert.Greater(t, a.AwaitAsserted().SignCount, added.SignCount)
	require.Len(t, a.Credentials(), 1)
	assert.Equal(t, added.ID, a.Credentials()[0].ID)

	a.Cancel(true)
	for _, ask := range []string{"register('required')", "signIn('required')", "register('preferred')", "signIn('preferred')"} {
		p.Eval("() => "+ask, nil)
		assert.Regexp(t, `^NotAllowedError after \d{1,3}$`, p.Text(), ask) // in less than a second
	}
	a.Cancel(false)
	p.Eval("() => signIn('preferred')", nil)
	assert.Equal(t, "done public-key", p.Text())
	a.AwaitAsserted()
	a.Clear()
	assert.Empty(t, a.Credentials())
	a.Remove()
}
