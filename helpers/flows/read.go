package flows

import (
	"net/http"
)

// Read is what a script of another origin was given of an answer.
type Read struct {
	Allowed bool // the browser let the script read it, with the cookies' consent
	Text    string
}

// ReadFrom opens a page of another origin in this browser and lets its script
// ask for each address with credentials. The origin "null" is a sandboxed
// frame on an attacker's page. It returns what the script could read.
func (v *Visitor) ReadFrom(origin string, addresses []string) map[string]Read {
	v.T.Helper()
	v.Step("read from " + origin)
	script, page := readAll, origin
	if origin == "null" {
		script, page = readSandboxed, attackersSite
	}
	v.Serve(page, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><html lang=en><title>A page of somebody else</title>"))
	}))
	v.Goto(page + "/")
	answers, _ := v.Eval(script, addresses).(map[string]any)
	read := map[string]Read{}
	for address, answer := range answers {
		text, allowed := answer.(string)
		read[address] = Read{Allowed: allowed, Text: text}
	}
	if len(read) != len(addresses) {
		v.T.Trouble("the page at %s asked for %d addresses and reported %d", origin, len(addresses), len(read))
	}
	return read
}

// readAll asks for every address and keeps what it may read.
const readAll = `async (addresses) => {
	const answers = {};
	for (const address of addresses) {
		try {
			const answer = await fetch(address, {credentials: "include", cache: "no-store"});
			answers[address] = answer.status + " " + (await answer.text()).slice(0, 65536);
		} catch { answers[address] = null }
	}
	return answers;
}`

// readSandboxed does so in a frame without allow-same-origin, whose origin is
// "null" (HTML, 7.1.1).
const readSandboxed = `(addresses) => new Promise((done) => {
	const readAll = ` + readAll + `;
	addEventListener("message", (event) => done(event.data));
	const frame = document.createElement("iframe");
	frame.sandbox = "allow-scripts";
	frame.srcdoc = "<script>(" + readAll + ")(" + JSON.stringify(addresses) + ").then((read) => parent.postMessage(read, '*'))</" + "script>";
	document.body.append(frame);
})`
