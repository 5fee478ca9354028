// Package observe looks for traces of what the suite has done in what a
// deployment tells about itself: logs, alerts, tracked errors, counters, a
// runbook. It knows no product: a source is an address or a file.
package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// maxSource is how much of a source is read; of a file it is the end.
const maxSource = 16 << 20

// Source is an address, in which {subject} stands for what is looked for, or
// the path of a file.
type Source struct {
	Address string
	Token   string // presented as a bearer token; empty: none
	Client  *http.Client
}

// ErrRefused says that the source does not show itself to whoever asks like this.
var ErrRefused = errors.New("it is not shown to us")

// Read returns the source's text. The error says in one sentence why there is
// none; it quotes no address, for that may hold a key.
func (s Source) Read(ctx context.Context, subject string) (string, error) {
	if !strings.Contains(s.Address, "://") {
		return tail(s.Address)
	}
	address := strings.ReplaceAll(s.Address, "{subject}", url.QueryEscape(subject))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", fmt.Errorf("the address cannot be used: %w", err)
	}
	if s.Token != "" {
		request.Header.Set("Authorization", "Bearer "+s.Token)
	}
	response, err := s.Client.Do(request)
	if err != nil {
		return "", fmt.Errorf("%s does not answer", request.URL.Host)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSource))
	if err != nil {
		return "", fmt.Errorf("%s broke off: %w", request.URL.Host, err)
	}
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		return "", fmt.Errorf("%w: %s answered HTTP %d", ErrRefused, request.URL.Host, response.StatusCode)
	}
	if response.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s answered HTTP %d", request.URL.Host, response.StatusCode)
	}
	return string(body), nil
}

// tail returns the end of a file.
func tail(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.Size() > maxSource {
		if _, err := file.Seek(-maxSource, io.SeekEnd); err != nil {
			return "", err
		}
	}
	text, err := io.ReadAll(file)
	return string(text), err
}

// Entries takes a text apart: the elements of a JSON document's lists, or else
// the lines. A line that is JSON is one entry.
func Entries(text string) (entries []string) {
	var document any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&document) == nil && !decoder.More() {
		return elements(document)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			entries = append(entries, line)
		}
	}
	return entries
}

// elements are the objects and texts in the outermost lists of a document; a
// document without a list is its own only entry.
func elements(document any) (entries []string) {
	found := false
	var walk func(any)
	walk = func(x any) {
		switch x := x.(type) {
		case []any:
			found = true
			for _, element := range x {
				entries = append(entries, compact(element))
			}
		case map[string]any:
			for _, value := range x {
				walk(value)
			}
		}
	}
	walk(document)
	if !found {
		return []string{compact(document)}
	}
	return entries
}

func compact(x any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(x) // it came from a decoder
	return strings.TrimSpace(b.String())
}

// Mentioning keeps the entries in which all words stand; small and capital
// letters are the same.
func Mentioning(entries []string, words ...string) []string {
	return slices.DeleteFunc(slices.Clone(entries), func(entry string) bool {
		low := strings.ToLower(entry)
		return slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(low, strings.ToLower(word)) })
	})
}
