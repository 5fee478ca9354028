package readiness

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// File redacts a file in place: a text, JSON, JSON lines, or a zip archive of
// such, as Playwright's traces are. Pictures and other binary files stay as
// they are. The file is replaced in one step; on an error it is unchanged.
func (r *Redactor) File(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	clean, err := r.content(data)
	if err != nil || bytes.Equal(clean, data) {
		return err
	}
	return writeAtomically(path, clean)
}

// Dir redacts all regular files below dir. It goes on after an error and
// returns the first.
func (r *Redactor) Dir(dir string) (first error) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = r.File(path)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
	if first == nil {
		first = err
	}
	return first
}

func (r *Redactor) content(data []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return r.archive(data)
	case isBinary(data):
		return data, nil
	}
	if trimmed := bytes.TrimLeft(data, " \t\r\n\ufeff"); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		return r.json(data), nil
	}
	return []byte(r.String(string(data))), nil
}

// isBinary tells pictures, fonts and the like from texts as git does.
func isBinary(data []byte) bool {
	return bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0
}

// archive redacts each member of a zip and packs it anew, in the same order,
// under the same names.
func (r *Redactor) archive(data []byte) ([]byte, error) {
	in, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	out := zip.NewWriter(&buf)
	changed := false
	for _, member := range in.File {
		raw, err := readMember(member)
		if err != nil {
			return nil, err
		}
		clean, err := r.content(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", member.Name, err)
		}
		if bytes.Equal(clean, raw) {
			if err := out.Copy(member); err != nil { // as it is, still packed
				return nil, err
			}
			continue
		}
		changed = true
		w, err := out.CreateHeader(&zip.FileHeader{Name: member.Name, Method: member.Method, Modified: member.Modified})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(clean); err != nil {
			return nil, err
		}
	}
	if err := out.Close(); err != nil {
		return nil, err
	}
	if !changed {
		return data, nil
	}
	return buf.Bytes(), nil
}

func readMember(member *zip.File) ([]byte, error) {
	f, err := member.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Hit is a place where a known secret was found. It does not hold the secret.
type Hit struct {
	File   string // relative to the folder scanned
	Member string // inside an archive
	Form   string // plain, url, json, html, mail, hex or base64; name: it is in the file's name
}

// Scan looks for every known value, in all its forms, in all files below dir
// and inside archives, binary files included. It reports one hit a file or
// member. An error is a file that could not be looked into.
func (r *Redactor) Scan(dir string) (hits []Hit, first error) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		data, err := os.ReadFile(path)
		if err == nil {
			var found []Hit
			found, err = r.search(name, "", data)
			hits = append(hits, found...)
		}
		if r.String(filepath.Base(path)) != filepath.Base(path) {
			hits = append(hits, Hit{File: name, Form: "name"})
		}
		if err != nil && first == nil {
			first = fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if first == nil {
		first = err
	}
	return hits, first
}

func (r *Redactor) search(file, member string, data []byte) (hits []Hit, err error) {
	r.mu.RLock()
	_, _, kind, ok := r.known.find(string(data), 0)
	r.mu.RUnlock()
	if ok {
		hits = append(hits, Hit{File: file, Member: member, Form: kind})
	}
	if !bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		return hits, nil
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return hits, err
	}
	for _, m := range archive.File {
		raw, err := readMember(m)
		if err != nil {
			return hits, err
		}
		inner, err := r.search(file, m.Name, raw)
		hits = append(hits, inner...)
		if err != nil {
			return hits, err
		}
	}
	return hits, nil
}
