package flows

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

const (
	// redirectors is how many hosts may count a click before the link ends.
	redirectors = 4
	// redirectorPatience is how long such a host may take.
	redirectorPatience = 10 * time.Second
)

// authLink returns the first link of a mail that leads to the auth environment;
// "" if there is none.
func (v *Visitor) authLink(message inbox.Message) string {
	for _, link := range message.Links {
		if u, err := url.Parse(link); err == nil && v.atAuth(u) {
			return link
		}
	}
	for _, link := range message.Links {
		if end := v.unwrap(link); end != "" {
			return end
		}
	}
	return ""
}

// unwrap follows a link that leads through other hosts, as many mail providers
// wrap them, and returns the address at the auth environment where it ends. That
// address itself is not visited: it may work only once.
func (v *Visitor) unwrap(link string) string {
	ctx, cancel := context.WithTimeout(context.Background(), redirectorPatience)
	defer cancel()
	for range redirectors {
		u, err := url.Parse(link)
		if err != nil || v.AtApp(u) || !v.World.Config.MayReach(u.Hostname()) {
			return ""
		}
		if v.atAuth(u) {
			return link
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
		if err != nil {
			return ""
		}
		response, err := v.World.Client.Do(request)
		if err != nil {
			return "" // somebody else's link, and not ours to judge
		}
		_ = response.Body.Close()
		next, err := response.Location()
		if err != nil {
			return ""
		}
		link = next.String()
	}
	return ""
}
