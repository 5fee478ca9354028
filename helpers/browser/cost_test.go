package browser

import (
	"context"
	"fmt"
	"net/http"
	"testing"
)

// BenchmarkWindow is what one small sign-in costs, window included:
//
//	go test ./helpers/browser -run '^$' -bench Window -benchtime 40x
func BenchmarkWindow(b *testing.B) {
	s := site()
	s.mux.HandleFunc("/bench/hop", func(w http.ResponseWriter, r *http.Request) {
		if n := r.FormValue("n"); n < "3" {
			http.Redirect(w, r, fmt.Sprintf("/bench/hop?n=%c", n[0]+1), http.StatusSeeOther)
			return
		}
		page("<h1>Welcome</h1>")(w, r)
	})
	s.mux.HandleFunc("/bench", page(`<form method=post action="/bench/hop?n=0"><input name=user><input name=pass type=password><button>Go</button></form>`))
	for _, trace := range []string{TraceOff, TraceFailure} {
		for _, secret := range []bool{false, true} {
			b.Run(fmt.Sprintf("trace=%s/secret=%t", trace, secret), func(b *testing.B) {
				o := testOptions()
				o.Trace = trace
				browser, err := Launch(context.Background(), o)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = browser.Close() })
				for b.Loop() {
					t := &inner{B: b}
					p := browser.Open(t, WindowOptions{})
					p.Goto(s.url("app.localhost", "/bench"))
					p.Fill("[name=user]", "ada")
					if secret {
						p.FillSecret("[name=pass]", "secret")
					} else {
						p.Fill("[name=pass]", "secret")
					}
					p.Submit("button")
					if p.Text() != "Welcome" {
						b.Fatal("not signed in")
					}
					t.cleanup()
				}
			})
		}
	}
}

// BenchmarkEmptyWindow opens and closes a window and does nothing with it.
func BenchmarkEmptyWindow(b *testing.B) {
	for _, trace := range []string{TraceOff, TraceFailure} {
		b.Run("trace="+trace, func(b *testing.B) {
			o := testOptions()
			o.Trace = trace
			browser, err := Launch(context.Background(), o)
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = browser.Close() })
			for b.Loop() {
				t := &inner{B: b}
				browser.Open(t, WindowOptions{})
				t.cleanup()
			}
		})
	}
}

// inner is a test within a benchmark.
type inner struct {
	*testing.B
	todo []func()
}

func (i *inner) Cleanup(f func()) { i.todo = append(i.todo, f) }

func (i *inner) cleanup() {
	for n := len(i.todo) - 1; n >= 0; n-- {
		i.todo[n]()
	}
}
