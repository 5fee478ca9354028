package inbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The fakes answer as the vendors' documentation and, where it is public, their
// code says (research/ecosystem.md C2), with the corners that bite: what is
// searched as a part of an address, what marks as read, what deletes too much.

// office holds the mails of a fake.
type office struct {
	mu    sync.Mutex
	mails []held
	next  int
	// misused is each request that would have done harm: everything deleted, a
	// mail marked as read.
	misused []string
}

type held struct {
	letter
	id string
	at time.Time
}

func (o *office) deliver(_ *testing.T, l letter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next++
	o.mails = append(o.mails, held{l, fmt.Sprint(1000 + o.next), time.Date(2026, 11, 25, 10, 0, o.next, 0, time.UTC)})
}

// newestFirst are the mails whose address holds a text.
func (o *office) newestFirst(part string) []held {
	o.mu.Lock()
	defer o.mu.Unlock()
	var found []held
	for _, m := range slices.Backward(o.mails) {
		if strings.Contains(strings.ToLower(m.to), strings.ToLower(part)) {
			found = append(found, m)
		}
	}
	return found
}

func (o *office) find(id string) (held, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := slices.IndexFunc(o.mails, func(m held) bool { return m.id == id })
	if at < 0 {
		return held{}, false
	}
	return o.mails[at], true
}

func (o *office) remove(id string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(o.mails)
	o.mails = slices.DeleteFunc(o.mails, func(m held) bool { return m.id == id })
	return len(o.mails) < n
}

func (o *office) misuse(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.misused = append(o.misused, what)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func limited[T any](list []T, limit string, usual int) []T {
	n, err := strconv.Atoi(limit)
	if err != nil || n <= 0 {
		n = usual
	}
	return list[:min(n, len(list))]
}

// asking wants a user and the password by Basic authentication.
func asking(user string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// started ends a test with a look at what was misused.
func (o *office) started(t *testing.T, r rig) rig {
	t.Helper()
	r.deliver = o.deliver
	t.Cleanup(func() {
		for _, what := range o.misused {
			t.Errorf("the fake was asked to do harm: %s", what)
		}
	})
	return r
}

func withUser(r rig) rig {
	r.url = strings.Replace(r.url, "://", "://qa@", 1)
	return r
}

func fakeMailpit(t *testing.T) rig {
	o := &office{}
	mux := http.NewServeMux()
	summary := func(list []held) any {
		all := []any{}
		for _, m := range list {
			all = append(all, map[string]any{
				"ID": m.id, "Subject": decodedSubject(m.subject), "Created": m.at,
				"From": map[string]string{"Address": sender}, "To": []any{map[string]string{"Address": m.to}},
			})
		}
		return map[string]any{"messages": all}
	}
	mux.HandleFunc("GET /api/v1/search", func(w http.ResponseWriter, r *http.Request) {
		part := strings.Trim(strings.TrimPrefix(r.URL.Query().Get("query"), "addressed:"), `"`)
		answer(w, summary(limited(o.newestFirst(part), r.URL.Query().Get("limit"), 50)))
	})
	mux.HandleFunc("GET /api/v1/messages", func(w http.ResponseWriter, r *http.Request) {
		answer(w, summary(limited(o.newestFirst(""), r.URL.Query().Get("limit"), 50)))
	})
	one := func(write func(http.ResponseWriter, held)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if m, ok := o.find(r.PathValue("id")); ok {
				write(w, m)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		}
	}
	mux.HandleFunc("GET /api/v1/message/{id}", one(func(w http.ResponseWriter, m held) {
		answer(w, map[string]any{"ID": m.id, "MessageID": m.messageID, "ReturnPath": "<" + envelope + ">", "Text": m.text, "HTML": m.html})
	}))
	mux.HandleFunc("GET /api/v1/message/{id}/headers", one(func(w http.ResponseWriter, m held) {
		answer(w, map[string][]string{"Message-Id": {"<" + m.messageID + ">"}})
	}))
	mux.HandleFunc("GET /api/v1/message/{id}/raw", one(func(w http.ResponseWriter, m held) { _, _ = w.Write([]byte(m.source())) }))
	mux.HandleFunc("DELETE /api/v1/messages", func(_ http.ResponseWriter, r *http.Request) {
		var body struct{ IDs []string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		if len(body.IDs) == 0 {
			o.misuse("an empty list of ids, which is all of them")
		}
		for _, id := range body.IDs {
			o.remove(id)
		}
	})
	return o.started(t, withUser(serve(t, "mailpit", asking("qa", mux))))
}

func fakeMailHog(t *testing.T) rig {
	o := &office{}
	mux := http.NewServeMux()
	item := func(m held) any {
		return map[string]any{
			"ID": m.id, "Created": m.at, "MIME": nil,
			"Content": map[string]any{"Headers": map[string][]string{"Subject": {m.subject}}, "Body": "…"},
			"Raw":     map[string]any{"From": envelope, "To": []string{m.to}, "Data": m.source(), "Helo": "auth.test"},
		}
	}
	items := func(list []held) any {
		all := []any{}
		for _, m := range list {
			all = append(all, item(m))
		}
		return map[string]any{"total": len(list), "count": len(list), "start": 0, "items": all}
	}
	mux.HandleFunc("GET /api/v2/search", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if query.Get("kind") != "to" || query.Get("query") == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer(w, items(limited(o.newestFirst(query.Get("query")), query.Get("limit"), 50)))
	})
	mux.HandleFunc("GET /api/v2/messages", func(w http.ResponseWriter, r *http.Request) {
		answer(w, items(limited(o.newestFirst(""), r.URL.Query().Get("limit"), 50)))
	})
	mux.HandleFunc("GET /api/v1/messages/{id}", func(w http.ResponseWriter, r *http.Request) {
		if m, ok := o.find(r.PathValue("id")); ok {
			answer(w, item(m))
			return
		}
		answer(w, nil) // 200 and null
	})
	mux.HandleFunc("DELETE /api/v1/messages/{id}", func(_ http.ResponseWriter, r *http.Request) {
		if !o.remove(r.PathValue("id")) {
			o.misuse("an id that is not there: MailHog deletes the first mail instead")
		}
	})
	mux.HandleFunc("DELETE /api/v1/messages", func(http.ResponseWriter, *http.Request) { o.misuse("all deleted") })
	return o.started(t, withUser(serve(t, "mailhog", asking("qa", mux))))
}

// fakeMailDev is MailDev 2, which has no /api, whose filter is exact, and which
// writes domains in their own letters.
func fakeMailDev(t *testing.T) rig {
	o := &office{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /email", func(w http.ResponseWriter, r *http.Request) {
		all := []any{}
		for _, m := range slices.Backward(o.newestFirst("")) { // as they came
			to := strings.Replace(m.to, "xn--mnchen-3ya", "münchen", 1)
			fits := true
			for key, values := range r.URL.Query() {
				fits = fits && key == "envelope.to.address" && values[0] == to
			}
			if fits {
				all = append(all, map[string]any{
					"id": m.id, "time": m.at, "subject": decodedSubject(m.subject), "read": false,
					"to":       []any{map[string]string{"address": m.to, "name": ""}},
					"envelope": map[string]any{"from": map[string]any{"address": envelope, "args": false}, "to": []any{map[string]any{"address": to, "args": false}}},
				})
			}
		}
		answer(w, all)
	})
	mux.HandleFunc("GET /email/{id}", func(_ http.ResponseWriter, r *http.Request) { o.misuse("marked as read: " + r.PathValue("id")) })
	mux.HandleFunc("GET /email/{id}/source", func(w http.ResponseWriter, r *http.Request) {
		if m, ok := o.find(r.PathValue("id")); ok {
			_, _ = w.Write([]byte(m.source()))
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
	mux.HandleFunc("DELETE /email/all", func(http.ResponseWriter, *http.Request) { o.misuse("all deleted") })
	mux.HandleFunc("DELETE /email/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !o.remove(r.PathValue("id")) {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	return o.started(t, withUser(serve(t, "maildev", asking("qa", mux))))
}

func fakeMailosaur(t *testing.T) rig {
	o := &office{}
	mux := http.NewServeMux()
	people := func(address string) []any { return []any{map[string]string{"name": "", "email": address}} }
	items := func(list []held) any {
		all := []any{}
		for _, m := range list {
			all = append(all, map[string]any{"id": m.id, "type": "Email", "subject": decodedSubject(m.subject), "received": m.at, "to": people(m.to), "cc": []any{}, "bcc": []any{}})
		}
		return map[string]any{"items": all}
	}
	mine := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("server") != "abcd1234" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.Header().Set("X-Ms-Delay", "1000,1000,2000")
			next(w, r)
		}
	}
	mux.HandleFunc("POST /api/messages/search", mine(func(w http.ResponseWriter, r *http.Request) {
		var criteria struct {
			SentTo string `json:"sentTo"`
			Match  string `json:"match"`
		}
		if json.NewDecoder(r.Body).Decode(&criteria) != nil || criteria.SentTo == "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer(w, items(limited(o.newestFirst(criteria.SentTo), r.URL.Query().Get("itemsPerPage"), 50)))
	}))
	mux.HandleFunc("GET /api/messages", mine(func(w http.ResponseWriter, r *http.Request) {
		answer(w, items(limited(o.newestFirst(""), r.URL.Query().Get("itemsPerPage"), 50)))
	}))
	mux.HandleFunc("GET /api/messages/{id}", func(w http.ResponseWriter, r *http.Request) {
		m, ok := o.find(r.PathValue("id"))
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		answer(w, map[string]any{"id": m.id, "received": m.at, "metadata": map[string]any{"mailFrom": envelope, "rcptTo": people(m.to), "ehlo": "auth.test"}})
	})
	mux.HandleFunc("GET /api/files/email/{id}", func(w http.ResponseWriter, r *http.Request) {
		if m, ok := o.find(r.PathValue("id")); ok {
			_, _ = w.Write([]byte(m.source()))
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
	mux.HandleFunc("DELETE /api/messages", func(http.ResponseWriter, *http.Request) { o.misuse("all deleted") })
	mux.HandleFunc("DELETE /api/messages/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !o.remove(r.PathValue("id")) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	// The key is the user, and there is no password.
	key := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, _ := r.BasicAuth(); user != password || pass != "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
	r := serve(t, "mailosaur", key)
	r.url += "/abcd1234"
	return o.started(t, r)
}

func fakeMailtrap(t *testing.T) rig {
	const at = "/api/accounts/12/inboxes/34/messages"
	o := &office{}
	mux := http.NewServeMux()
	item := func(m held) any {
		id, _ := strconv.Atoi(m.id)
		return map[string]any{
			"id": id, "inbox_id": 34, "subject": decodedSubject(m.subject), "sent_at": m.at, "created_at": m.at, "from_email": sender, "to_email": m.to, "is_read": false,
			"smtp_information": map[string]any{"ok": true, "data": map[string]string{"mail_from_addr": envelope, "client_ip": "192.0.2.1"}},
		}
	}
	mux.HandleFunc("GET "+at, func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		list := o.newestFirst(r.URL.Query().Get("search"))
		list = list[min(len(list), 30*max(page-1, 0)):]
		all := []any{}
		for _, m := range limited(list, "30", 30) {
			all = append(all, item(m))
		}
		answer(w, all)
	})
	mux.HandleFunc("GET "+at+"/{id}/body.raw", func(w http.ResponseWriter, r *http.Request) {
		if m, ok := o.find(r.PathValue("id")); ok {
			_, _ = w.Write([]byte(m.source()))
			return
		}
		w.WriteHeader(http.StatusNotFound)
	})
	mux.HandleFunc("DELETE "+at+"/{id}", func(w http.ResponseWriter, r *http.Request) {
		if !o.remove(r.PathValue("id")) {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	token := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
	r := serve(t, "mailtrap", token)
	r.url += "/12/34"
	return o.started(t, r)
}

// decodedSubject: vendors show subjects as people read them.
func decodedSubject(subject string) string {
	return strings.NewReplacer("=?utf-8?q?Anmelden_bei_M=C3=BCller?=", "Anmelden bei Müller").Replace(subject)
}
