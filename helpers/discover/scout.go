package discover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/auth-preflight/auth-preflight/helpers/pace"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

const (
	mostRequests  = 120 // in all, so that a big site is not crawled
	mostLinks     = 25  // of a page
	mostRedirects = 10
	mostBody      = 1 << 20
)

// scout is a browser without scripts that nobody knows: cookies, redirects
// within the app, links and forms.
type scout struct {
	app, authorize *url.URL
	client         http.Client
	asked          int
}

func newScout(app, authorize *url.URL, c *http.Client) *scout {
	jar, _ := cookiejar.New(nil) // never fails without options
	client := *c
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &scout{app: app, authorize: authorize, client: client}
}

// stop is where a request ended.
type stop struct {
	trail  []*url.URL // addresses of the app that were passed
	status int
	header http.Header
	body   string
	leaves *url.URL // where the last answer redirects to, outside the app; nil: it does not
}

func (s stop) last() *url.URL { return s.trail[len(s.trail)-1] }

// errEnough ends the search, not the command.
var errEnough = errors.New("enough was asked")

// errAway is wrapped by the error of an answer that keeps automated clients out:
// whoever asks on makes it worse.
var errAway = errors.New("wait a while, or let this command through the firewall and the rate limit by the end of its User-Agent (README, Firewalls and rate limits)")

func away(address, why string) error {
	return fmt.Errorf("%s turns it away (%s): %w", address, why, errAway)
}

// get opens a path of the app, or a whole address, and follows redirects within
// the app.
func (s *scout) get(ctx context.Context, address string) (stop, error) {
	if strings.HasPrefix(address, "/") {
		address = strings.TrimSuffix(s.app.String(), "/") + address
	}
	at, err := url.Parse(address)
	if err != nil {
		return stop{}, err
	}
	return s.follow(ctx, http.MethodGet, at, nil)
}

func (s *scout) follow(ctx context.Context, method string, at *url.URL, form url.Values) (end stop, err error) {
	for range mostRedirects {
		if s.asked++; s.asked > mostRequests {
			return end, errEnough
		}
		end.trail = append(end.trail, at)
		next, err := s.send(ctx, method, at, form, &end)
		switch {
		case err != nil:
			return end, err
		case next == nil:
			return end, nil
		case !sameOrigin(next, s.app):
			end.leaves = next
			return end, nil
		}
		method, at, form = http.MethodGet, next, nil
	}
	return end, nil // it goes round in circles, as a page does that wants scripts
}

// send sends one request and returns where the answer leads.
func (s *scout) send(ctx context.Context, method string, at *url.URL, form url.Values, end *stop) (next *url.URL, err error) {
	request, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", at.Scheme+"://"+at.Host)
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := s.client.Do(request)
	if err != nil {
		var twice *url.Error
		if errors.As(err, &twice) {
			err = twice.Err
		}
		return nil, fmt.Errorf("%s %s is not answered: %w", method, at.Redacted(), err)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, mostBody))
	_ = response.Body.Close()
	if err != nil {
		return nil, fmt.Errorf("%s %s broke off: %w", method, at.Redacted(), err)
	}
	end.status, end.header, end.body = response.StatusCode, response.Header, string(text)
	if why := pace.TurnedAway(end.status, end.header); why != "" {
		return nil, away(at.Redacted(), why)
	}
	if location := response.Header.Get("Location"); location != "" && response.StatusCode/100 == 3 {
		return at.Parse(location)
	}
	return screens.RefreshAt(end.body, at), nil
}

// asksForCode reports whether u is an authorization request for the environment.
func (s *scout) asksForCode(u *url.URL) bool {
	return u != nil && sameOrigin(u, s.authorize) && u.Path == s.authorize.Path
}

// link is a way on that a page offers to another page of the app.
type link struct {
	to   *url.URL
	text string
	// acts is set where the page itself says that more happens than that a page is
	// opened: a request of another kind, a question before, a download.
	acts bool
	hint string // what it says to those who do not see it: title, label
}

// words are all that tell what a link is for.
func (l link) words() string {
	return strings.Join([]string{l.to.Path, l.to.RawQuery, l.text, l.hint}, " ")
}

// leadsOut reports whether the link, or the button of a form, speaks of signing out.
func (l link) leadsOut() bool {
	words := l.to.Path + " " + l.text
	if !logoutWords.MatchString(words) || otherEnds.MatchString(words) {
		return false
	}
	return logoutWords.MatchString(leaveWords.ReplaceAllString(words, "")) || leaveAlone.MatchString(l.text)
}

// deed reports whether opening the link may do something.
func (l link) deed() bool { return l.acts || deeds.MatchString(l.words()) }

// links are those of a page that lead to other pages of the app, once each.
func (s *scout) links(end stop) (all []link) {
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(end.body))
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	add := func(element *goquery.Selection, attribute string) {
		address := element.AttrOr(attribute, "")
		to, err := end.last().Parse(address)
		if err != nil || address == "" || !sameOrigin(to, s.app) || isFile(to.Path) {
			return
		}
		to.Fragment = ""
		if s.path(to) != s.path(end.last()) && !seen[to.String()] {
			seen[to.String()] = true
			all = append(all, link{
				to: to, text: strings.Join(strings.Fields(element.Text()), " "),
				acts: element.Is("[data-method], [data-turbo-method], [data-confirm], [data-turbo-confirm], [download]"),
				hint: element.AttrOr("title", "") + " " + element.AttrOr("aria-label", ""),
			})
		}
	}
	doc.Find("a[href], area[href]").Each(func(_ int, a *goquery.Selection) { add(a, "href") })
	doc.Find("form[action]").Each(func(_ int, f *goquery.Selection) {
		if strings.EqualFold(f.AttrOr("method", "get"), "get") && f.Find("input:not([type=hidden])").Length() == 0 {
			add(f, "action")
		}
	})
	return all
}

// isFile reports whether a path is that of a picture, a script or a download.
func isFile(path string) bool {
	dot := strings.LastIndexByte(path, '.')
	if dot < strings.LastIndexByte(path, '/') {
		return false
	}
	return dot >= 0 && !slices.Contains([]string{"html", "htm", "php", "aspx", "jsp", "do"}, strings.ToLower(path[dot+1:]))
}

// path is the path of an address below that of the app, which is how variables
// name it. What lies beside the app keeps its whole path.
func (s *scout) path(u *url.URL) string {
	path := u.Path
	if base := strings.TrimSuffix(s.app.Path, "/"); path == base || strings.HasPrefix(path, base+"/") {
		path = path[len(base):]
	}
	if path == "" {
		return "/"
	}
	return path
}

// withQuery is path with the query.
func (s *scout) withQuery(u *url.URL) string {
	if u.RawQuery == "" {
		return s.path(u)
	}
	return s.path(u) + "?" + u.RawQuery
}
