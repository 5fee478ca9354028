package browser

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/playwright-community/playwright-go"
)

// When traces are kept.
const (
	TraceFailure = "failure" // of pages whose test failed; the default
	TraceAlways  = "always"
	TraceOff     = "off"
)

const (
	launchTimeout = 30 * time.Second
	maxStarts     = 4 // a browser that broke is started again, but not for ever
)

// Options say how to start a browser.
type Options struct {
	// ExecutablePath is the browser; empty: the one Find finds.
	ExecutablePath string
	// DriverDir holds the Playwright driver, unpacked as DriverDir/package;
	// empty: .cache/playwright. A relative path is looked for upward.
	DriverDir string
	// NodePath is the Node program for the driver; empty: searched. The
	// variable PLAYWRIGHT_NODEJS_PATH overrides it, as playwright-go has it.
	NodePath string
	Headed   bool
	SlowMo   time.Duration // waits this long after each action, for onlookers
	// CAFile is a PEM file of certificate authorities to trust besides the
	// browser's own. The server must send the CA in its chain, for Chromium
	// looks for the CA's key among the certificates it was sent.
	CAFile string
	// AllowedHosts are the only hosts the browser may reach, as patterns such
	// as *.localhost. Empty: all.
	AllowedHosts []string
	// Trace is TraceFailure (also when empty), TraceAlways or TraceOff.
	Trace string
	// Mark stands at the end of the User-Agent of everything that pages and Fetch
	// send; empty: nothing does.
	Mark string
	// BackForwardCache leaves the browser's cache of whole pages on, which
	// people's browsers have and Playwright switches off: see Page.HistoryBack.
	BackForwardCache bool
	// Driver is the driver that is used; nil: one of its own, which ends with the
	// browser. DriverDir and NodePath count where it has yet to start.
	Driver *Driver
	// ServerURL is a browser that runs already, as Server.URL has it. Then
	// ExecutablePath and Headed say nothing, and of CAFile and AllowedHosts
	// only what concerns Go's own requests counts.
	ServerURL string
}

// Browser is one running browser for many tests at once. It is safe for
// concurrent use.
type Browser struct {
	opts  Options
	args  []string
	roots *x509.CertPool

	mu     sync.Mutex
	engine *engine
	starts int
	closed bool
}

// Launch starts a browser. ctx bounds the start only. Every error is one
// sentence with its remedy.
func Launch(ctx context.Context, o Options) (*Browser, error) {
	switch o.Trace {
	case "":
		o.Trace = TraceFailure
	case TraceFailure, TraceAlways, TraceOff:
	default:
		return nil, fmt.Errorf("PREFLIGHT_TRACE is %q: use failure, always or off", o.Trace)
	}
	b := &Browser{}
	var err error
	if o.ServerURL == "" {
		if o.ExecutablePath, err = find(o.ExecutablePath, o.Headed); err != nil {
			return nil, err
		}
	}
	b.opts = o
	if b.args, b.roots, err = arguments(o); err != nil {
		return nil, err
	}
	_, err = b.running(ctx)
	return b, err
}

// running returns the engine, started anew if the last one broke.
func (b *Browser) running(ctx context.Context) (*engine, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return nil, fmt.Errorf("the browser is closed already")
	case b.engine != nil && b.engine.broken() == nil:
		return b.engine, nil
	case b.starts == maxStarts:
		return nil, fmt.Errorf("the browser broke %d times and is not started again: %w", maxStarts, b.engine.broken())
	}
	if b.engine != nil {
		_ = b.engine.close()
	}
	b.starts++
	e, err := startEngine(ctx, b.opts, b.args)
	if err != nil {
		return nil, err
	}
	b.engine = e
	return e, nil
}

// Close ends the browser, by force if it does not end by itself, and leaves
// neither process nor file behind. It takes about 15 seconds at most.
func (b *Browser) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.engine == nil {
		b.closed = true
		return nil
	}
	b.closed = true
	return b.engine.close()
}

// arguments returns Chromium's flags, and the trusted roots for Go's own
// requests (nil: the system's).
func arguments(o Options) ([]string, *x509.CertPool, error) {
	// Playwright's own list keeps Chromium from updates, sync and telemetry;
	// these close what it leaves open. Nobody but the deployment is called.
	args := []string{
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
		"--disable-domain-reliability", "--no-pings", "--disable-client-side-phishing-detection",
		"--safebrowsing-disable-auto-update", "--disable-default-apps", "--no-default-browser-check",
		"--disable-features=" + strings.Join(disabledFeatures(), ","),
	}
	rules, err := resolverRules(o.AllowedHosts)
	if err != nil {
		return nil, nil, err
	}
	if rules != "" {
		args = append(args, "--host-resolver-rules="+rules)
	}
	if o.CAFile == "" {
		return args, nil, nil
	}
	certs, err := readCertificates(o.CAFile)
	if err != nil {
		return nil, nil, err
	}
	roots := x509.NewCertPool()
	pins := make([]string, len(certs))
	for i, cert := range certs {
		roots.AddCert(cert)
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		pins[i] = base64.StdEncoding.EncodeToString(sum[:])
	}
	return append(args, "--ignore-certificate-errors-spki-list="+strings.Join(pins, ",")), roots, nil
}

// disabledFeatures replaces the list of playwright-core 1.60.0 (of this flag
// Chromium reads the last one only), so it repeats that list, and adds to it.
func disabledFeatures() []string {
	return []string{
		"AvoidUnnecessaryBeforeUnloadCheckSync", "BoundaryEventDispatchTracksNodeRemoval", "DestroyProfileOnBrowserClose",
		"DialMediaRouteProvider", "GlobalMediaControls", "HttpsUpgrades", "LensOverlay", "MediaRouter", "PaintHolding",
		"ThirdPartyStoragePartitioning", "Translate", "AutoDeElevate", "RenderDocument", "OptimizationHints",
		"msForceBrowserSignIn", "msEdgeUpdateLaunchServicesPreferredVersion",
		// A foreign page that Serve answers for counts as a public one. With
		// these checks Chromium would keep it from a deployment on loopback or
		// in a private network, and every attack from there would fail for a
		// reason that is not the deployment's.
		"LocalNetworkAccessChecks", "LocalNetworkAccessChecksWebSockets", "BlockInsecurePrivateNetworkRequests",
		"PrivateNetworkAccessSendPreflights",
		// Calls home.
		"AutofillServerCommunication", "CertificateTransparencyComponentUpdater", "InterestFeedContentSuggestions",
	}
}

// resolverRules keeps the browser from every host but the allowed ones.
func resolverRules(allowed []string) (string, error) {
	rules := []string{"MAP * ~NOTFOUND"}
	for _, host := range allowed {
		host = strings.TrimSpace(host)
		if host == "" || strings.ContainsAny(host, ", \t/") {
			return "", fmt.Errorf("PREFLIGHT_ALLOWED_HOSTS holds %q: use host names, or patterns such as *.localhost, without scheme or path", host)
		}
		if host == "*" {
			return "", nil
		}
		rules = append(rules, "EXCLUDE "+host)
	}
	if len(rules) == 1 {
		return "", nil
	}
	return strings.Join(rules, ", "), nil
}

func readCertificates(file string) (certs []*x509.Certificate, err error) {
	rest, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the file in PREFLIGHT_CA_FILE cannot be read: %w", err)
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("the file in PREFLIGHT_CA_FILE holds a certificate that cannot be parsed: %w", err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("the file in PREFLIGHT_CA_FILE, %s, holds no PEM certificate", file)
	}
	return certs, nil
}

// launchOptions are what Playwright is told.
func launchOptions(o Options, args []string) playwright.BrowserTypeLaunchOptions {
	launch := playwright.BrowserTypeLaunchOptions{
		ExecutablePath: playwright.String(o.ExecutablePath),
		Headless:       playwright.Bool(!o.Headed),
		Args:           args,
		// Chromium refuses to run as root with its sandbox; nobody else goes without.
		ChromiumSandbox: playwright.Bool(os.Geteuid() != 0),
		Timeout:         playwright.Float(milliseconds(launchTimeout)),
		// A terminal sends Ctrl-C to the driver as well. Whoever drives the
		// browser closes it, once the report knows why.
		HandleSIGINT: playwright.Bool(false), HandleSIGTERM: playwright.Bool(false), HandleSIGHUP: playwright.Bool(false),
	}
	if o.BackForwardCache {
		launch.IgnoreDefaultArgs = []string{"--disable-back-forward-cache"}
	}
	if o.SlowMo > 0 {
		launch.SlowMo = playwright.Float(milliseconds(o.SlowMo))
	}
	return launch
}

// connectOptions are what Playwright is told about a browser that runs already.
func connectOptions(o Options) playwright.BrowserTypeConnectOptions {
	connect := playwright.BrowserTypeConnectOptions{Timeout: playwright.Float(milliseconds(launchTimeout))}
	if o.SlowMo > 0 {
		connect.SlowMo = playwright.Float(milliseconds(o.SlowMo))
	}
	return connect
}

// hideServer keeps the address of a browser server, which is a key to it, out
// of what people read.
func hideServer(err error, address string) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.ReplaceAll(err.Error(), address, "PREFLIGHT_BROWSER_WS"))
}

// name is the browser as error messages call it.
func (o Options) name() string {
	if o.ServerURL != "" {
		return "the browser server in PREFLIGHT_BROWSER_WS"
	}
	return "the browser at " + o.ExecutablePath
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
