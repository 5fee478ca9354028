package config

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// credential is a variable that holds an identifier, a secret or the address
// of the environment or the app.
type credential struct{ name, kind string }

const (
	kindAddress = "address"
	kindID      = "client ID"
	kindSecret  = "client secret"
	kindWebhook = "webhook secret"
	kindToken   = "token"
)

var credentials = []credential{
	{"SCALEKIT_ENVIRONMENT_URL", kindAddress},
	{"SCALEKIT_CLIENT_ID", kindID},
	{"SCALEKIT_CLIENT_SECRET", kindSecret},
	{"SCALEKIT_WEBHOOK_SECRET", kindWebhook},
	{"APP_URL", kindAddress},
	{"APP_CLIENT_ID", kindID},
	{"APP_CLIENT_SECRET", kindSecret},
	{"PREFLIGHT_SECOND_CLIENT_ID", kindID},
	{"PREFLIGHT_SECOND_CLIENT_SECRET", kindSecret},
	{"PREFLIGHT_CONTROL_TOKEN", kindToken},
}

// The forms of spec/oauth.md 0.2, and what people leave in a template.
var (
	clientIDForm     = regexp.MustCompile(`^(prd_)?(skc|webc|spac|ntvc|m2m|m2morg)_\d+$`)
	clientSecretForm = regexp.MustCompile(`^(test|prod|prd)_[A-Za-z0-9_+/=-]{16,}$`)
	placeholder      = regexp.MustCompile(`(?i)^<.*>$|^\{.*\}$|^your|[-_. ]your[-_ ]|change[-_ ]?me|replace[-_ ]?(me|this|with)|placeholder|x{4,}|\*{3,}|\.\.\.|…|^(todo|secret|none|null|undefined|dummy|test|example)$`)
	devWord          = regexp.MustCompile(`(?i)^(dev|develop|development|staging|stage|stg|test|testing|qa|sandbox|preview|uat)$`)
)

// Doubts says of each identifier, secret and address that cannot be right why:
// placeholders that were never filled in, and values in another one's place.
// Nothing is sent, and no value is quoted: it could be a secret.
func (c *Config) Doubts() (doubts []string) {
	for _, v := range credentials {
		// A variable that only follows another one says nothing new.
		if text := c.Value(v.name); text != "" && c.Origin(v.name) != FromDefault {
			if why := c.doubt(v, text); why != "" {
				doubts = append(doubts, v.name+" "+why)
			}
		}
	}
	return doubts
}

// Moved is the error of an APP_URL that is not where the application is: its
// answer leads to the same host by https. Nothing of what was configured would
// be seen on the wire. nil: it is not so.
func (c *Config) Moved(answer *http.Response) error {
	to, err := c.AppURL.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode/100 != 3 || c.AppURL.Scheme != "http" || to.Scheme != "https" || to.Hostname() != c.AppURL.Hostname() {
		return nil
	}
	return fmt.Errorf("APP_URL is %s, and the application sends everybody from there to https: set APP_URL=https://%s", c.AppURL, to.Host)
}

// Doubted adds to what went wrong those Doubts that may be its cause. The error
// is wrapped; without doubts it is returned as it is.
func (c *Config) Doubted(err error) error {
	if doubts := c.Doubts(); len(doubts) > 0 {
		return fmt.Errorf("%w; %s", err, strings.Join(doubts, "; "))
	}
	return err
}

func (c *Config) doubt(v credential, text string) string {
	switch {
	case v.kind == kindAddress:
		host := c.hostOf(v.name)
		switch {
		case placeholder.MatchString(host):
			return "is a placeholder: put the real address there"
		case host == "app.scalekit.com", host == "docs.scalekit.com":
			return "is the address of Scalekit's own site, not of an environment: copy the environment URL from the dashboard's settings"
		}
	case clientIDForm.MatchString(text) && v.kind != kindID:
		return "holds a client ID: identifier and secret are swapped"
	case placeholder.MatchString(text) && !clientIDForm.MatchString(text):
		return "is a placeholder: put the real value there"
	case strings.HasPrefix(text, "whsec_") && v.kind != kindWebhook:
		return "holds a webhook secret (whsec_…), which belongs into SCALEKIT_WEBHOOK_SECRET"
	case clientSecretForm.MatchString(text) && !clientIDForm.MatchString(text) && (v.kind == kindID || v.kind == kindWebhook):
		return "holds a client secret: it stands in the wrong place"
	case v.kind == kindWebhook && !strings.HasPrefix(text, "whsec_"):
		return "does not begin with whsec_, as webhook secrets do: copy it from the webhook's page in the dashboard"
	}
	return ""
}

// WrongKind says of each identifier, secret and address that it is of another
// kind of deployment than PREFLIGHT_TARGET declares.
func (c *Config) WrongKind() (wrong []string) {
	for _, v := range credentials {
		text := c.Value(v.name)
		if text == "" || c.Origin(v.name) == FromDefault {
			continue
		}
		development, production := false, false
		switch v.kind {
		case kindID:
			development, production = strings.HasPrefix(text, "skc_"), strings.HasPrefix(text, "prd_")
		case kindSecret:
			development, production = strings.HasPrefix(text, "test_"), strings.HasPrefix(text, "prod_") || strings.HasPrefix(text, "prd_")
		case kindAddress:
			words := strings.FieldsFunc(c.hostOf(v.name), func(r rune) bool { return r == '.' || r == '-' })
			development = slices.ContainsFunc(words, devWord.MatchString)
		}
		switch {
		case c.Target == "production" && development:
			wrong = append(wrong, fmt.Sprintf("%s is the %s of a development or staging environment, and PREFLIGHT_TARGET is production", v.name, v.kind))
		case c.Target != "production" && production:
			wrong = append(wrong, fmt.Sprintf("%s is the %s of a production environment, and PREFLIGHT_TARGET is %s", v.name, v.kind, c.Target))
		}
	}
	return wrong
}

// hostOf is the host of a variable that holds an address.
func (c *Config) hostOf(name string) string {
	u, err := url.Parse(c.Value(name))
	if err != nil {
		return ""
	}
	return u.Hostname()
}
