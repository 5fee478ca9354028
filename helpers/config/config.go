// Package config reads the description of a deployment: a map of variables, as
// a .env file, the environment or the embedded deployment gives it. The struct
// tags of Config are the one list of variables; .env.example is held against
// them by a test.
package config

import (
	"crypto/x509"
	"net/http"
	"net/url"
	"time"
)

// Config is a deployment and how to run the suite on it. Every exported field
// is one variable. An unset variable leaves the zero value; Missing names it.
//
// Field names follow the variables: SCALEKIT_ and PREFLIGHT_ are dropped, APP_
// stays. The two bases, EnvironmentURL and AppURL, are always set and parsed;
// every other address is checked and kept as it was written, since registered
// addresses are compared letter by letter.
//
// Tags: env, the variable; alias, another name for it; default ($NAME: the
// value of that variable); secret ("true": the value; "file": the contents of
// the file it names); kind, how the text is checked where the Go type does not
// say; words, the allowed words; required; group, on the first field of a
// group; doc, one or two plain sentences.
type Config struct {
	// The auth environment.
	EnvironmentURL *url.URL `env:"SCALEKIT_ENVIRONMENT_URL" alias:"SCALEKIT_ENV_URL" kind:"base" required:"true" group:"The auth environment" doc:"Address of the Scalekit environment, such as https://acme-dev.scalekit.cloud."`
	ClientID       string   `env:"SCALEKIT_CLIENT_ID" required:"true" doc:"Client ID of the environment's API client."`
	ClientSecret   string   `env:"SCALEKIT_CLIENT_SECRET" secret:"true" required:"true" doc:"Its client secret."`
	WebhookSecret  string   `env:"SCALEKIT_WEBHOOK_SECRET" secret:"true" doc:"Signing secret of the app's webhook endpoint (whsec_…)."`
	TestUsers      []string `env:"SCALEKIT_TEST_USER_EMAIL" kind:"test-users" doc:"Addresses of the environment's test users (…+sktest@…; comma list, five at most). Each exists there and belongs to one organization. Without an inbox, cases that only need somebody to sign in borrow them, one at a time."`
	TestUserCode   string   `env:"SCALEKIT_TEST_USER_CODE" secret:"true" doc:"The fixed one-time code of the test users."`

	// The app under test.
	AppURL                   *url.URL      `env:"APP_URL" kind:"base" required:"true" group:"The app" doc:"Address of the app whose sign-in is judged."`
	AppLoginPath             string        `env:"APP_LOGIN_PATH" kind:"path" default:"/login" doc:"Starts a sign-in."`
	AppCallbackPath          string        `env:"APP_CALLBACK_PATH" kind:"path" default:"/auth/callback" doc:"Redirect URI of the app: where the authorization code arrives."`
	AppInitiateLoginPath     string        `env:"APP_INITIATE_LOGIN_PATH" kind:"path" default:"$APP_LOGIN_PATH" doc:"Initiate-login URL registered for the app: takes IdP-initiated sign-ins and links from mails."`
	AppProtectedPath         string        `env:"APP_PROTECTED_PATH" kind:"path" default:"/dashboard" doc:"A page that only a signed-in person sees; it shows the person's e-mail address."`
	AppPersonSelector        string        `env:"APP_PERSON_SELECTOR" doc:"CSS selector of the element on that page which shows the address. Unset: the first address on the page. Asked only where APP_WHOAMI_PATH is unset."`
	AppWhoamiPath            string        `env:"APP_WHOAMI_PATH" kind:"path" doc:"Answers JSON about the signed-in person; to anybody else 401, or JSON that names nobody. Unset: the protected page is asked."`
	AppWhoamiEmailField      string        `env:"APP_WHOAMI_EMAIL_FIELD" default:"email" doc:"Member of that JSON which holds the e-mail address; dots lead into objects."`
	AppAPIPath               string        `env:"APP_API_PATH" kind:"path" doc:"An API path (GET) that takes access tokens as Bearer."`
	AppLogoutPath            string        `env:"APP_LOGOUT_PATH" kind:"path" default:"/logout" doc:"Ends the session."`
	AppLogoutAllPath         string        `env:"APP_LOGOUT_ALL_PATH" kind:"path" doc:"Ends all sessions of the person, on every device."`
	AppPostLogoutPath        string        `env:"APP_POST_LOGOUT_PATH" kind:"path" default:"/" doc:"Where a sign-out ends."`
	AppBackchannelLogoutPath string        `env:"APP_BACKCHANNEL_LOGOUT_PATH" kind:"path" doc:"Receives OIDC back-channel logout."`
	AppWebhookPath           string        `env:"APP_WEBHOOK_PATH" kind:"path" doc:"Receives the environment's webhooks."`
	AppWebhookEffectPath     string        `env:"APP_WEBHOOK_EFFECT_PATH" kind:"path" doc:"A page or JSON (GET, signed in) that shows the name which an organization.updated event last gave the person's organization; a list of events will do. Shows whether a webhook had an effect."`
	AppDirectoryPath         string        `env:"APP_DIRECTORY_PATH" kind:"path" doc:"A page or JSON (GET, signed in) that shows the active people of the person's organization, by the names that organization.directory events last gave them. Shows whether these events have their effect."`
	AppProfilePath           string        `env:"APP_PROFILE_PATH" kind:"path" doc:"A page with a form that changes something of the person; shows whether requests from elsewhere are refused."`
	AppSwitchPath            string        `env:"APP_SWITCH_PATH" kind:"path" doc:"Lets somebody of several organizations choose another one. Unset: the initiate-login address with prompt=select_account."`
	AppReturnToParam         string        `env:"APP_RETURN_TO_PARAM" default:"next" doc:"Query parameter of the login path that names the page to return to."`
	AppAccess                string        `env:"APP_ACCESS" kind:"file" doc:"YAML file that says who may do what in the app: its roles, its actions as requests, where they are offered, and which roles may. See \"Who may do what\" in the README. none: and the reason, where everybody may do everything."`
	AppClientID              string        `env:"APP_CLIENT_ID" default:"$SCALEKIT_CLIENT_ID" doc:"OAuth client of the app, where it is not the API client."`
	AppClientSecret          string        `env:"APP_CLIENT_SECRET" secret:"true" default:"$SCALEKIT_CLIENT_SECRET" doc:"Its client secret."`
	AppScopes                string        `env:"APP_SCOPES" default:"openid profile email offline_access" doc:"Scopes that the app asks for, separated by spaces."`
	AppSecondRedirectURI     string        `env:"APP_SECOND_REDIRECT_URI" kind:"uri" doc:"Another redirect URI registered for the app."`
	AppPromises              []string      `env:"APP_PROMISES" words:"pkce nonce audience token_type" doc:"What the app does beyond the minimum: pkce, nonce; its API looks at the audience and token_type of access tokens (comma list)."`
	AppAccessTokenLifetime   time.Duration `env:"APP_ACCESS_TOKEN_LIFETIME" default:"5m" doc:"Lifetime of the app's access tokens, as set in the environment."`
	AppIdleTimeout           time.Duration `env:"APP_IDLE_TIMEOUT" doc:"Idle session timeout, as set in the environment. Unset: none."`
	AppAbsoluteTimeout       time.Duration `env:"APP_ABSOLUTE_TIMEOUT" doc:"Absolute session timeout, as set in the environment."`
	AppRefreshGrace          time.Duration `env:"APP_REFRESH_GRACE" default:"10s" doc:"How long a refresh token that was used may be used again (several tabs at once)."`
	AppRepository            string        `env:"APP_REPOSITORY" kind:"dir" doc:"Folder of the app's git repository, which is read for secrets in tree and history."`
	AppRevocationDelay       time.Duration `env:"APP_REVOCATION_DELAY" default:"0s" doc:"How long a copy of a session's cookies may work after the session was ended: nothing where sessions are kept on the server, an access token's lifetime where they are all in the cookies."`
	AppLimits                string        `env:"APP_LIMITS" kind:"limits" doc:"What the app, or a library it cannot do without, is known to do less strictly than the standards: word: reason; word: reason. The report shows it. Words: cached_keys (signing keys are fetched once), asked_audience (issuer and audience are compared only where the app asks), unverified_id_token (the library does not verify the ID token of a code)."`

	// What is switched on.
	Target               string        `env:"PREFLIGHT_TARGET" words:"staging production" default:"staging" group:"What the deployment offers" doc:"Kind of deployment: staging or production."`
	AllowProduction      string        `env:"PREFLIGHT_ALLOW_PRODUCTION" kind:"host" doc:"Host of APP_URL, letter by letter: the consent to run the harmless checks on a production deployment."`
	Methods              []string      `env:"PREFLIGHT_METHODS" words:"password magic_link email_code passkey google microsoft github gitlab linkedin salesforce saml oidc" doc:"Sign-in methods that are enabled (comma list): password, magic_link, email_code, passkey, google, microsoft, github, gitlab, linkedin, salesforce, saml, oidc."`
	BrandName            string        `env:"PREFLIGHT_BRAND_NAME" doc:"Name that the login page's title and the mails carry."`
	BrandLogo            string        `env:"PREFLIGHT_BRAND_LOGO" kind:"uri" doc:"Address of the logo that is set under Customization; the login page shows this picture, from wherever."`
	BrandColor           string        `env:"PREFLIGHT_BRAND_COLOR" kind:"color" doc:"Colour of the login page's main button, as #rrggbb."`
	DefaultDomain        string        `env:"PREFLIGHT_DEFAULT_DOMAIN" kind:"host" doc:"Host that the environment had before SCALEKIT_ENVIRONMENT_URL became its custom domain, such as acme.scalekit.com: it must appear nowhere."`
	MailFrom             string        `env:"PREFLIGHT_MAIL_FROM" kind:"address" doc:"Sender's address of the sign-in mails, as set for the e-mail provider; the envelope's sender has its domain."`
	MailEnvelopeDomain   string        `env:"PREFLIGHT_MAIL_ENVELOPE_DOMAIN" kind:"host" doc:"Domain of the envelope's sender (Return-Path), where the e-mail provider uses another than that of PREFLIGHT_MAIL_FROM."`
	MailWithin           time.Duration `env:"PREFLIGHT_MAIL_WITHIN" default:"1m" doc:"How soon a mail has to be in the inbox."`
	CodeLifetime         time.Duration `env:"PREFLIGHT_CODE_LIFETIME" default:"10m" doc:"Lifetime of an authorization code."`
	PasswordlessLifetime time.Duration `env:"PREFLIGHT_PASSWORDLESS_LIFETIME" default:"5m" doc:"Lifetime of sign-in links and one-time codes."`
	ResetLifetime        time.Duration `env:"PREFLIGHT_RESET_LIFETIME" default:"1h" doc:"Lifetime of password-reset links."`
	InvitationLifetime   time.Duration `env:"PREFLIGHT_INVITATION_LIFETIME" default:"360h" doc:"Lifetime of invitations to an organization."`
	SameBrowser          bool          `env:"PREFLIGHT_SAME_BROWSER" doc:"true where sign-in links work only in the browser that asked for them, else false."`
	PasswordAttempts     int           `env:"PREFLIGHT_PASSWORD_ATTEMPTS" default:"10" doc:"Wrong passwords until the account is locked or slowed down."`
	Lockout              time.Duration `env:"PREFLIGHT_LOCKOUT" doc:"How long wrong passwords lock an account. Unset: not declared."`
	CodeAttempts         int           `env:"PREFLIGHT_CODE_ATTEMPTS" default:"5" doc:"Wrong one-time codes until the code is void."`

	ClockSkew time.Duration `env:"PREFLIGHT_CLOCK_SKEW" default:"2m" doc:"What clocks may differ by before a lifetime is judged. Matters where time really has to pass: without PREFLIGHT_TIME_URL."`

	// Reaching it.
	CAFile        string   `env:"PREFLIGHT_CA_FILE" kind:"file" group:"Reaching the deployment" doc:"PEM file of the CA that signed the deployment's certificates, where that CA is not a public one."`
	AllowedHosts  []string `env:"PREFLIGHT_ALLOWED_HOSTS" kind:"pattern" doc:"Hosts that the suite's browser may reach at all, such as *.acme.test (comma list): a fence around the run, not what customers are told. Unset: all."`
	CustomerHosts []string `env:"PREFLIGHT_CUSTOMER_HOSTS" kind:"pattern" default:"cdn.scalekit.com,fonts.googleapis.com,fonts.gstatic.com" doc:"Hosts that customers are told to let through their firewalls for a sign-in, beside those of APP_URL and SCALEKIT_ENVIRONMENT_URL (comma list of names and patterns such as *.acme.test)."`
	CustomerProxy string   `env:"PREFLIGHT_CUSTOMER_PROXY" kind:"uri" doc:"HTTP proxy in a customer's network, http://user:password@host:port: employees come in by single sign-on through it."`
	InboxURL      string   `env:"PREFLIGHT_INBOX_URL" kind:"inbox" doc:"The inbox that receives the deployment's mails: mailpit+https://host, mailhog+https://host, maildev+https://host, mailosaur://server, mailtrap://account/inbox or imaps://user@host/INBOX."`
	InboxPassword string   `env:"PREFLIGHT_INBOX_PASSWORD" secret:"true" doc:"Password of the inbox's user, API key (Mailosaur), API token (Mailtrap) or app password (Gmail), where one is asked for."`
	InboxAddress  string   `env:"PREFLIGHT_INBOX_ADDRESS" kind:"unique" doc:"Addresses that arrive in that inbox; {id} becomes a unique id: {id}@inbox.example. Unset: what Mailosaur and Gmail have by themselves."`

	DomainAddress   string   `env:"PREFLIGHT_DOMAIN_ADDRESS" kind:"unique" doc:"Addresses that arrive in that inbox, each in a domain of its own: {id} stands in the domain, such as preflight@{id}.inbox.example."`
	BlockedDomains  []string `env:"PREFLIGHT_BLOCKED_DOMAINS" kind:"pattern" doc:"Domains of which the environment lets nobody sign up or be invited, such as a public and a disposable one (comma list)."`
	PublicURL       string   `env:"PREFLIGHT_PUBLIC_URL" kind:"uri" doc:"Address at which the deployment reaches the suite's own servers, such as that of a tunnel to PREFLIGHT_LISTEN. Unset: loopback, which does where the deployment runs on this machine."`
	Listen          string   `env:"PREFLIGHT_LISTEN" default:"127.0.0.1:0" doc:"Host and port at which the suite's own servers listen; port 0: any free one."`
	ProfileFields   []string `env:"PREFLIGHT_PROFILE_FIELDS" words:"first_name last_name full_name phone_number organization_name none" doc:"What people are asked for when they sign up (comma list): first_name, last_name, full_name, phone_number, organization_name; none where they are asked nothing."`
	ProfileRequired []string `env:"PREFLIGHT_PROFILE_REQUIRED" words:"first_name last_name full_name phone_number organization_name" doc:"Which of these nobody may leave out (comma list)."`

	InboxFinal bool `env:"PREFLIGHT_INBOX_FINAL" doc:"true where that inbox is behind a receiving mail server that judges senders as people's do (junk folder, Authentication-Results). A catcher, which takes anything, proves no deliverability: leave it unset."`

	// Capabilities.
	TimeURL             string   `env:"PREFLIGHT_TIME_URL" kind:"uri" group:"Capabilities of a test deployment" doc:"Ages one subject: POST {\"subject\",\"seconds\"} with the control token as Bearer; {\"subject\",\"forget\":true} takes it back, which only test users need."`
	FaultURL            string   `env:"PREFLIGHT_FAULT_URL" kind:"uri" doc:"Makes a part of the deployment fail for one subject: POST is answered with {\"id\"}, DELETE below it with that id ends it; GET, where offered, lists {\"faults\":[{\"id\",\"subject\"}]}."`
	ProviderAccountsURL string   `env:"PREFLIGHT_PROVIDER_ACCOUNTS_URL" kind:"uri" doc:"Makes an account at a stand-in of a social provider: POST {\"provider\",\"email\",\"email_verified\",\"sub\",\"password\",\"given_name\",\"family_name\",\"claims\"}; claims, an object, overrule what an OpenID provider's ID token says of the account."`
	APICan              []string `env:"PREFLIGHT_API_CAN" words:"connections deactivation lifetimes" doc:"What the management API does for this client beyond the stable reference, and may be asked to (comma list): connections (preview: an organization's connections are made and changed), deactivation (PATCH of a membership takes membership_status), lifetimes (preview: where time cannot be moved, access tokens of APP_CLIENT_ID live a minute at most while cases wait for their end; what was is restored)."`
	DNSURL              string   `env:"PREFLIGHT_DNS_URL" kind:"uri" doc:"Makes a TXT record that the auth environment then finds: POST {\"name\",\"value\"}."`
	PortalShareURL      string   `env:"PREFLIGHT_PORTAL_SHARE_URL" kind:"uri" doc:"Makes a link to an organization's admin portal that may be sent by mail, as the dashboard does: POST {\"organization_id\"}, answered with {\"id\",\"location\"}."`
	ControlToken        string   `env:"PREFLIGHT_CONTROL_TOKEN" secret:"true" doc:"Bearer token of these capabilities."`

	// Monitoring.
	WebhookLog           string        `env:"PREFLIGHT_WEBHOOK_LOG" kind:"source" group:"What the deployment tells about itself" doc:"Log of webhook deliveries: an address (GET), or a file; JSON or lines. {subject} becomes what is looked for."`
	ErrorLog             string        `env:"PREFLIGHT_ERROR_LOG" kind:"source" doc:"Errors that were tracked: an address such as the tracker's search API, or a file."`
	AlertLog             string        `env:"PREFLIGHT_ALERT_LOG" kind:"source" doc:"Alerts that were raised: an address, or a file."`
	WatchToken           string        `env:"PREFLIGHT_WATCH_TOKEN" secret:"true" doc:"Bearer token for these addresses, the metrics and the runbook."`
	WatchWithin          time.Duration `env:"PREFLIGHT_WATCH_WITHIN" default:"15s" doc:"How late logs, alerts and counters may be."`
	AlertAfter           int           `env:"PREFLIGHT_ALERT_AFTER" default:"10" doc:"Failed sign-ins of one address that raise an alert."`
	SecondLocationProxy  string        `env:"PREFLIGHT_SECOND_LOCATION_PROXY" kind:"uri" doc:"HTTP proxy in another country: a sign-in through it must raise an alert."`
	LogRetention         time.Duration `env:"PREFLIGHT_LOG_RETENTION" doc:"How long the auth log is kept, such as 2160h."`
	MetricsURL           string        `env:"PREFLIGHT_METRICS_URL" kind:"uri" doc:"Counters in Prometheus text format."`
	MetricSignupsStarted string        `env:"PREFLIGHT_METRIC_SIGNUPS_STARTED" kind:"metric" doc:"Series of sign-ups that somebody began: name, or name{label=\"value\"}. With {organization} or {email} in a label it is judged beside others, else alone."`
	MetricSignups        string        `env:"PREFLIGHT_METRIC_SIGNUPS" kind:"metric" doc:"Sign-ups that ended with an account."`
	MetricLogins         string        `env:"PREFLIGHT_METRIC_LOGINS" kind:"metric" doc:"Sign-ins that succeeded."`
	MetricFailedLogins   string        `env:"PREFLIGHT_METRIC_FAILED_LOGINS" kind:"metric" doc:"Sign-ins that failed."`
	MetricSessions       string        `env:"PREFLIGHT_METRIC_SESSIONS" kind:"metric" doc:"Sessions that were opened."`
	MetricSessionSeconds string        `env:"PREFLIGHT_METRIC_SESSION_SECONDS" kind:"metric" doc:"Sum of the seconds that ended sessions lasted."`
	MetricRefreshes      string        `env:"PREFLIGHT_METRIC_REFRESHES" kind:"metric" doc:"Uses of refresh tokens that succeeded."`
	MetricDeliveries     string        `env:"PREFLIGHT_METRIC_DELIVERIES" kind:"metric" doc:"Attempts to deliver a webhook that succeeded."`
	MetricFailedDelivers string        `env:"PREFLIGHT_METRIC_FAILED_DELIVERIES" kind:"metric" doc:"Attempts to deliver a webhook that failed."`
	WebhookRetryAfter    time.Duration `env:"PREFLIGHT_WEBHOOK_RETRY_AFTER" default:"15m" doc:"The longest pause before a webhook that failed is tried again."`
	Runbook              string        `env:"PREFLIGHT_RUNBOOK" kind:"source" doc:"The runbook for incidents of sign-in: an address, or a file; Markdown, HTML or text."`
	RunbookWords         []string      `env:"PREFLIGHT_RUNBOOK_WORDS" default:"contact,roll.?back,escalat,review" doc:"How it calls contacts, roll-back, escalation and review, in this order (comma list of patterns)."`
	RunbookMaxAge        time.Duration `env:"PREFLIGHT_RUNBOOK_MAX_AGE" default:"4400h" doc:"How long ago it may have been reviewed."`
	RollbackURL          string        `env:"PREFLIGHT_ROLLBACK_URL" kind:"uri" doc:"Flag of the new sign-in: GET answers and PUT takes {\"enabled\":true} or false. The suite switches it off for a moment, and on again."`
	RollbackToken        string        `env:"PREFLIGHT_ROLLBACK_TOKEN" secret:"true" doc:"Bearer token for it."`
	RollbackEmail        string        `env:"PREFLIGHT_ROLLBACK_EMAIL" kind:"address" doc:"Account that the sign-in of before lets in."`
	RollbackPassword     string        `env:"PREFLIGHT_ROLLBACK_PASSWORD" secret:"true" doc:"Its password."`

	// A second client.
	SecondClientID     string `env:"PREFLIGHT_SECOND_CLIENT_ID" group:"A second client of the same environment" doc:"Client ID: what is made for one client must not work for another."`
	SecondClientSecret string `env:"PREFLIGHT_SECOND_CLIENT_SECRET" secret:"true" doc:"Its client secret."`
	SecondRedirectURI  string `env:"PREFLIGHT_SECOND_REDIRECT_URI" kind:"uri" doc:"A redirect URI registered for it."`

	// Social accounts.
	GoogleEmail       string `env:"PREFLIGHT_GOOGLE_EMAIL" kind:"address" group:"Accounts at social providers" doc:"Test account at Google; {id} becomes a unique id where accounts can be made."`
	GooglePassword    string `env:"PREFLIGHT_GOOGLE_PASSWORD" secret:"true" doc:"Its password."`
	MicrosoftEmail    string `env:"PREFLIGHT_MICROSOFT_EMAIL" kind:"address" doc:"Test account at Microsoft."`
	MicrosoftPassword string `env:"PREFLIGHT_MICROSOFT_PASSWORD" secret:"true" doc:"Its password."`
	GitHubEmail       string `env:"PREFLIGHT_GITHUB_EMAIL" kind:"address" doc:"Test account at GitHub."`
	GitHubPassword    string `env:"PREFLIGHT_GITHUB_PASSWORD" secret:"true" doc:"Its password."`

	// Enterprise accounts.
	OktaEmail                 string `env:"PREFLIGHT_OKTA_EMAIL" kind:"address" group:"Accounts at enterprise identity providers" doc:"Person whose organization has a connection to Okta; {id} becomes a unique id where every address has an account."`
	OktaPassword              string `env:"PREFLIGHT_OKTA_PASSWORD" secret:"true" doc:"The person's password there."`
	OktaTOTPSecret            string `env:"PREFLIGHT_OKTA_TOTP_SECRET" secret:"true" doc:"Secret of the person's authenticator (base32), where a code is asked."`
	OktaLaunchURL             string `env:"PREFLIGHT_OKTA_LAUNCH_URL" kind:"uri" doc:"Address there that starts a sign-in (app tile)."`
	EntraEmail                string `env:"PREFLIGHT_ENTRA_EMAIL" kind:"address" doc:"Person whose organization has a connection to Microsoft Entra; {id} becomes a unique id where every address has an account."`
	EntraPassword             string `env:"PREFLIGHT_ENTRA_PASSWORD" secret:"true" doc:"The person's password there."`
	EntraTOTPSecret           string `env:"PREFLIGHT_ENTRA_TOTP_SECRET" secret:"true" doc:"Secret of the person's authenticator (base32), where a code is asked."`
	EntraLaunchURL            string `env:"PREFLIGHT_ENTRA_LAUNCH_URL" kind:"uri" doc:"Address there that starts a sign-in (app tile)."`
	GoogleWorkspaceEmail      string `env:"PREFLIGHT_GOOGLE_WORKSPACE_EMAIL" kind:"address" doc:"Person whose organization has a connection to Google Workspace; {id} becomes a unique id where every address has an account."`
	GoogleWorkspacePassword   string `env:"PREFLIGHT_GOOGLE_WORKSPACE_PASSWORD" secret:"true" doc:"The person's password there."`
	GoogleWorkspaceTOTPSecret string `env:"PREFLIGHT_GOOGLE_WORKSPACE_TOTP_SECRET" secret:"true" doc:"Secret of the person's authenticator (base32), where a code is asked."`
	GoogleWorkspaceLaunchURL  string `env:"PREFLIGHT_GOOGLE_WORKSPACE_LAUNCH_URL" kind:"uri" doc:"Address there that starts a sign-in (app tile)."`
	SAMLEmail                 string `env:"PREFLIGHT_SAML_EMAIL" kind:"address" default:"$PREFLIGHT_OKTA_EMAIL" doc:"Person of an organization with a SAML connection, where it is not the one at Okta."`
	SAMLPassword              string `env:"PREFLIGHT_SAML_PASSWORD" secret:"true" default:"$PREFLIGHT_OKTA_PASSWORD" doc:"The person's password at that identity provider."`
	SAMLLaunchURL             string `env:"PREFLIGHT_SAML_LAUNCH_URL" kind:"uri" default:"$PREFLIGHT_OKTA_LAUNCH_URL" doc:"Address at the identity provider that starts a sign-in there (app tile)."`
	OIDCEmail                 string `env:"PREFLIGHT_OIDC_EMAIL" kind:"address" default:"$PREFLIGHT_ENTRA_EMAIL" doc:"Person of an organization with an OIDC connection, where it is not the one at Microsoft Entra."`
	OIDCPassword              string `env:"PREFLIGHT_OIDC_PASSWORD" secret:"true" default:"$PREFLIGHT_ENTRA_PASSWORD" doc:"The person's password at that identity provider."`
	OIDCLaunchURL             string `env:"PREFLIGHT_OIDC_LAUNCH_URL" kind:"uri" default:"$PREFLIGHT_ENTRA_LAUNCH_URL" doc:"Address at the identity provider that starts a sign-in there."`

	// The suite's own identity provider.
	IDPKeyFile           string `env:"PREFLIGHT_IDP_KEY_FILE" kind:"file" secret:"file" group:"The suite's own SAML identity provider" doc:"PEM private key with which the suite signs SAML responses."`
	IDPCertFile          string `env:"PREFLIGHT_IDP_CERT_FILE" kind:"file" doc:"PEM certificate of that key, registered at the connection."`
	IDPEntityID          string `env:"PREFLIGHT_IDP_ENTITY_ID" doc:"Entity ID registered at the connection."`
	IDPSSOURL            string `env:"PREFLIGHT_IDP_SSO_URL" kind:"uri" doc:"SSO URL registered at the connection; only the suite's browser ever answers it."`
	IDPConnectionID      string `env:"PREFLIGHT_IDP_CONNECTION_ID" doc:"ID of the connection (conn_…)."`
	IDPOrganizationID    string `env:"PREFLIGHT_IDP_ORGANIZATION_ID" doc:"ID of its organization (org_…)."`
	IDPDomain            string `env:"PREFLIGHT_IDP_DOMAIN" kind:"host" doc:"E-mail domain registered for that organization."`
	IDPOtherKeyFile      string `env:"PREFLIGHT_IDP_OTHER_KEY_FILE" kind:"file" secret:"file" doc:"Private key of a second organization's identity provider: one must not speak for the other."`
	IDPOtherCertFile     string `env:"PREFLIGHT_IDP_OTHER_CERT_FILE" kind:"file" doc:"Its certificate."`
	IDPOtherEntityID     string `env:"PREFLIGHT_IDP_OTHER_ENTITY_ID" doc:"Its entity ID."`
	IDPOtherConnectionID string `env:"PREFLIGHT_IDP_OTHER_CONNECTION_ID" doc:"ID of the second organization's connection."`
	IDPOtherDomain       string `env:"PREFLIGHT_IDP_OTHER_DOMAIN" kind:"host" doc:"E-mail domain of the second organization."`

	// The directory of the organization behind the suite's identity provider.
	SCIMURL        string `env:"PREFLIGHT_SCIM_URL" kind:"uri" group:"The directory (SCIM) of the organization behind that provider" doc:"SCIM 2.0 endpoint of the directory of PREFLIGHT_IDP_ORGANIZATION_ID, as the admin portal shows it. The people whom the suite puts there sign in by the suite's identity provider."`
	SCIMToken      string `env:"PREFLIGHT_SCIM_TOKEN" secret:"true" doc:"Its bearer token."`
	SCIMGroup      string `env:"PREFLIGHT_SCIM_GROUP" doc:"Name of a group in that directory that is mapped to a role (push it once, then map it)."`
	SCIMRole       string `env:"PREFLIGHT_SCIM_ROLE" doc:"The role that its members get, by name."`
	SCIMOtherURL   string `env:"PREFLIGHT_SCIM_OTHER_URL" kind:"uri" doc:"The directory of a second organization: one must not open, read or change the other."`
	SCIMOtherToken string `env:"PREFLIGHT_SCIM_OTHER_TOKEN" secret:"true" doc:"Its bearer token."`

	// The admin portal.
	PortalWords    string `env:"PREFLIGHT_PORTAL_WORDS" kind:"translations" group:"The admin portal" doc:"What the admin portal and the users widget say, where it is not the English of Scalekit's guides: Setup SSO Connection = …; Update = …; Enable Connection = …."`
	UsersAddress   string `env:"PREFLIGHT_USERS_URL" kind:"uri" doc:"Where administrators look after the people of their organization. Unset: the widgets of the auth environment, /ui/."`
	IDPMetadataURL string `env:"PREFLIGHT_IDP_METADATA_URL" kind:"uri" doc:"Where the metadata of the suite's own identity provider is published (a file on any web space), so that the auth environment can fetch it. Unset: on this machine, where the environment is on it, too."`

	// MCP.
	AppMCPURL                 string        `env:"APP_MCP_URL" kind:"uri-or-none" group:"The MCP server" doc:"Address of the app's MCP server, such as https://mcp.acme.test/mcp; none: the app has none."`
	AppMCPReadCall            string        `env:"APP_MCP_READ_CALL" kind:"call" doc:"A tool that shows what its caller has written before: its scope, its name and its arguments as JSON, such as todo:read list_todos {}."`
	AppMCPWriteCall           string        `env:"APP_MCP_WRITE_CALL" kind:"call" doc:"A tool with another scope that writes {text}, which the read call then shows, such as todo:write add_todo {\"title\":\"{text}\"}."`
	AppMCPOpenCall            string        `env:"APP_MCP_OPEN_CALL" kind:"call" doc:"A tool that answers a handle for state of the caller's, for clients without sessions. Unset: there is none."`
	AppMCPResumeCall          string        `env:"APP_MCP_RESUME_CALL" kind:"call" doc:"A tool that shows what the caller has written, by that handle: {text}."`
	AppMCPAccessTokenLifetime time.Duration `env:"APP_MCP_ACCESS_TOKEN_LIFETIME" default:"1h" doc:"Lifetime of access tokens for the MCP server, as set in the environment."`
	AppMCPCustomAuthURL       string        `env:"APP_MCP_CUSTOM_AUTH_URL" kind:"uri-or-none" doc:"Address of an MCP server whose people sign in at the app's own pages (bring your own auth); none: there is none."`
	MCPOtherURL               string        `env:"PREFLIGHT_MCP_OTHER_URL" kind:"uri" doc:"Another MCP server of the same environment: its tokens must be worth nothing at the first."`
	MCPClientIDURL            string        `env:"PREFLIGHT_MCP_CLIENT_ID_URL" kind:"uri" doc:"Where a client metadata document of the suite's is published (a JSON file on any web space, with a redirect URI such as http://127.0.0.1/preflight/mcp/callback)."`
	ConsentButtons            string        `env:"PREFLIGHT_CONSENT_BUTTONS" default:"Allow,Deny" doc:"Words on the two buttons of the consent page: to allow, to deny."`
	CustomAuthEmail           string        `env:"PREFLIGHT_CUSTOM_AUTH_EMAIL" kind:"address" doc:"Person who can sign in at the app's own pages; {id} becomes a unique id where every address has an account."`
	CustomAuthPassword        string        `env:"PREFLIGHT_CUSTOM_AUTH_PASSWORD" secret:"true" doc:"The person's password there."`

	// How to run. These describe no deployment, so they may be set beside the
	// embedded one: see IsEmpty.
	EnvFile        string        `env:"PREFLIGHT_ENV_FILE" group:"How to run" doc:"File to read instead of .env; set it in the environment. /dev/null: none."`
	Browser        string        `env:"PREFLIGHT_BROWSER" kind:"file" doc:"Path of a Chromium or Chrome. Unset: the usual names and places."`
	BrowserWS      string        `env:"PREFLIGHT_BROWSER_WS" secret:"true" doc:"Address (ws://…) of a browser that runs already, started with playwright-core's launch-server; it must trust the deployment's CA and reach its hosts. Unset: one is started."`
	DriverDir      string        `env:"PREFLIGHT_DRIVER_DIR" kind:"dir" default:".cache/playwright" doc:"Folder of the Playwright driver, unpacked as package/ (make setup does it)."`
	AxeDir         string        `env:"PREFLIGHT_AXE_DIR" kind:"dir" default:".cache/axe-core" doc:"Folder of the accessibility rules, npm axe-core, unpacked as package/ (make setup does it)."`
	Headed         bool          `env:"PREFLIGHT_HEADED" default:"false" doc:"true shows the browser."`
	SlowMo         time.Duration `env:"PREFLIGHT_SLOWMO" kind:"ms" default:"0" doc:"Pause before each step in the browser, in milliseconds."`
	Trace          string        `env:"PREFLIGHT_TRACE" words:"failure always off" default:"failure" doc:"When to keep a trace: failure, always or off."`
	TimeoutFactor  float64       `env:"PREFLIGHT_TIMEOUT_FACTOR" default:"1" doc:"Stretches every timeout; for slow machines and far deployments."`
	APIRate        float64       `env:"PREFLIGHT_API_RATE" kind:"rate" default:"10" doc:"How many requests a second the suite sends to the management API and the token endpoint at most, all cases together; parts of a run share it. Where the environment answers 429, all wait as long as it asks."`
	UserAgent      string        `env:"PREFLIGHT_USER_AGENT" kind:"mark" default:"auth-preflight (run {run})" doc:"What stands at the end of the User-Agent of everything that the suite and its browser send; {run} becomes the run's id. By it a team finds a run in its logs and lets it through a firewall or bot detection. Every host sees it, so it is no secret. none: nothing is added."`
	Reports        string        `env:"PREFLIGHT_REPORTS" kind:"dir" default:"reports" doc:"Folder for what a run leaves behind."`
	Profile        string        `env:"PREFLIGHT_PROFILE" alias:"PREFLIGHT_ATTESTATIONS" kind:"file" doc:"YAML file of what people declare: what does not apply, which known faults are waived, who vouches for what no machine can see. README has its form."`
	Gate           string        `env:"PREFLIGHT_GATE" words:"ready failures" default:"ready" doc:"ready: a whole run exits 0 only when READY. failures: it exits 0 unless an item is failed, flaky, error or blocked."`
	Part           string        `env:"PREFLIGHT_PART" doc:"Which share of the suite to run, such as 2/3 for the second of three machines; preflight merge joins them."`
	LongestWait    time.Duration `env:"PREFLIGHT_LONGEST_WAIT" default:"30s" doc:"Without PREFLIGHT_TIME_URL: how long a case may wait for the end of a lifetime. What lives longer is not verified."`
	StagingProduct string        `env:"PREFLIGHT_STAGING_PRODUCT" doc:"The product of the embedded deployment, where it is not the usual one."`
	StagingDefect  []string      `env:"PREFLIGHT_STAGING_DEFECT" doc:"Defects to switch on in the embedded deployment (comma list), to see what the suite says."`
	StagingTrap    []string      `env:"PREFLIGHT_STAGING_TRAP" doc:"Unusual but right behaviour to switch on in the embedded deployment (comma list): the suite must stay green."`
	StagingCA      string        `env:"PREFLIGHT_STAGING_CA" kind:"file" doc:"PEM file with certificate and key of the CA that the embedded deployment uses, where several of them share one browser. Unset: it makes its own."`

	declined map[string]string // reasons, by variable name: the app does without
	values   map[string]value  // by variable name; only what is set or has a default
	unknown  []string          // names read from a .env or a map that are no variables
	roots    *x509.CertPool
	bare     *http.Client // without the mark
	client   *http.Client
}

// value is the text of one variable and where it came from.
type value struct {
	text   string
	origin string
}

// Origins of a value, highest precedence first.
const (
	FromEnvironment = "environment"
	FromDotenv      = ".env"
	FromEmbedded    = "embedded deployment"
	FromDefault     = "default"
)
