package inbox_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/inbox"
)

// memoryIMAP is a mailbox of the library's own server: not a second opinion,
// but always there.
func memoryIMAP(t *testing.T) rig { return startMemory(t, imap.CapIMAP4rev1, imap.CapIMAP4rev2).rig() }

// memoryServer is such a server. It counts its connections, and how often a
// folder was opened.
type memoryServer struct {
	account *imapmemserver.User
	address string
	open    *tap

	mu    sync.Mutex
	looks int
}

func startMemory(t *testing.T, caps ...imap.Cap) *memoryServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return serveMemory(t, listener, caps...)
}

func serveMemory(t *testing.T, listener net.Listener, caps ...imap.Cap) *memoryServer {
	t.Helper()
	m := &memoryServer{account: imapmemserver.NewUser("qa", password), address: listener.Addr().String(), open: &tap{Listener: listener}}
	require.NoError(t, m.account.Create("INBOX", nil))
	store := imapmemserver.New()
	store.AddUser(m.account)
	set := imap.CapSet{}
	for _, c := range caps {
		set[c] = struct{}{}
	}
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &memorySession{store.NewSession().(imapserver.SessionIMAP4rev2), m}, nil, nil
		},
		InsecureAuth: true, Caps: set, Logger: log.New(io.Discard, "", 0),
	})
	go func() { _ = server.Serve(m.open) }()
	t.Cleanup(func() { _ = server.Close() })
	return m
}

type memorySession struct {
	imapserver.SessionIMAP4rev2
	of *memoryServer
}

func (s *memorySession) Select(mailbox string, options *imap.SelectOptions) (*imap.SelectData, error) {
	s.of.mu.Lock()
	s.of.looks++
	s.of.mu.Unlock()
	return s.SessionIMAP4rev2.Select(mailbox, options)
}

func (m *memoryServer) looked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.looks
}

func (m *memoryServer) rig() rig {
	return rig{
		url: "imap://qa@" + m.address,
		deliver: func(t *testing.T, l letter) {
			text := "Return-Path: <" + envelope + ">\r\nDelivered-To: " + l.to + "\r\n" + l.source()
			_, err := m.account.Append("INBOX", &literal{bytes.NewReader([]byte(text))}, &imap.AppendOptions{Time: time.Now()})
			assert.NoError(t, err)
		},
	}
}

type literal struct{ *bytes.Reader }

func (l *literal) Size() int64 { return l.Reader.Size() }

// dovecot is Debian's Dovecot on loopback, unprivileged, with a maildir in a
// folder of the test's.
func dovecot(t *testing.T) rig { return startDovecot(t).rig() }

type dovecotServer struct {
	port    string
	maildir string

	mu   sync.Mutex
	next int
}

func (d *dovecotServer) rig() rig {
	return rig{url: "imap://qa@127.0.0.1:" + d.port, deliver: func(t *testing.T, l letter) { d.deliver(t, "", l) }}
}

// deliver puts a mail into a folder ("" is INBOX) as a delivery agent does:
// written beside, then moved (maildir).
func (d *dovecotServer) deliver(t *testing.T, folder string, l letter) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next++
	name := fmt.Sprintf("%d.%d.test", time.Now().UnixNano(), d.next)
	text := "Return-Path: <" + envelope + ">\r\nDelivered-To: " + l.to + "\r\n" + l.source()
	at := filepath.Join(d.maildir, folder)
	for _, part := range []string{"tmp", "new", "cur"} {
		assert.NoError(t, os.MkdirAll(filepath.Join(at, part), 0o777))
		if os.Getuid() == 0 { // Dovecot runs as somebody else then
			assert.NoError(t, os.Chmod(at, 0o777))
			assert.NoError(t, os.Chmod(filepath.Join(at, part), 0o777))
		}
	}
	assert.NoError(t, os.WriteFile(filepath.Join(at, "tmp", name), []byte(text), 0o666))
	assert.NoError(t, os.Chmod(filepath.Join(at, "tmp", name), 0o666))
	assert.NoError(t, os.Rename(filepath.Join(at, "tmp", name), filepath.Join(at, "new", name)))
}

// flags are the maildir flags of every mail in a folder: "" for none.
func (d *dovecotServer) flags(t *testing.T, folder string) (all []string) {
	t.Helper()
	for _, part := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(d.maildir, folder, part))
		require.NoError(t, err)
		for _, e := range entries {
			_, flags, _ := strings.Cut(e.Name(), ":2,")
			all = append(all, flags)
		}
	}
	return all
}

func startDovecot(t *testing.T) *dovecotServer {
	t.Helper()
	program, err := exec.LookPath("dovecot")
	if err != nil {
		t.Skip("Dovecot is not on the PATH, so IMAP is tried on the library's own server only: apt-get install dovecot-imapd")
	}
	// Not t.TempDir: paths of sockets are short.
	folder, err := os.MkdirTemp("", "dovecot-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, listener.Close())
	d := &dovecotServer{port: port, maildir: filepath.Join(folder, "mail")}

	me, err := user.Current()
	require.NoError(t, err)
	who := me.Username
	if me.Uid == "0" { // it will not run as root
		who = "nobody"
		require.NoError(t, os.Chmod(folder, 0o777))
	}
	owner, err := user.Lookup(who)
	require.NoError(t, err)
	group, err := user.LookupGroupId(owner.Gid)
	require.NoError(t, err)
	for _, part := range []string{"new", "cur", "tmp"} {
		require.NoError(t, os.MkdirAll(filepath.Join(d.maildir, part), 0o777))
		require.NoError(t, os.Chmod(filepath.Join(d.maildir, part), 0o777))
	}
	require.NoError(t, os.Chmod(d.maildir, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "users"), []byte("qa:{PLAIN}"+password+":::::\n"), 0o644))
	settings := strings.NewReplacer("FOLDER", folder, "PORT", port, "USER", who, "GROUP", group.Name, "UID", owner.Uid, "GID", owner.Gid).Replace(`
protocols = imap
listen = 127.0.0.1
base_dir = FOLDER/run
state_dir = FOLDER/state
log_path = FOLDER/log
instance_name = FOLDER
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_failure_delay = 0
default_login_user = USER
default_internal_user = USER
default_internal_group = GROUP
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:FOLDER/mail
mail_fsync = never
passdb {
  driver = passwd-file
  args = FOLDER/users
}
userdb {
  driver = static
  args = uid=UID gid=GID home=FOLDER/home
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Junk {
    special_use = \Junk
    auto = create
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = PORT
  }
  inet_listener imaps {
    port = 0
  }
}
service anvil {
  chroot =
}
`)
	file := filepath.Join(folder, "dovecot.conf")
	require.NoError(t, os.WriteFile(file, []byte(settings), 0o644))
	// In the foreground, so that it ends with its process.
	server := exec.Command(program, "-F", "-c", file)
	server.Dir = folder
	var said bytes.Buffer
	server.Stderr = &said
	require.NoError(t, server.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Wait()
	}()
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = server.Process.Kill()
			<-ended
		}
	})
	require.Eventually(t, func() bool {
		select {
		case <-ended:
			text, _ := os.ReadFile(filepath.Join(folder, "log"))
			t.Errorf("Dovecot ended by itself: %s %s", said.String(), text)
			return true
		default:
		}
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, time.Minute, 20*time.Millisecond, "Dovecot listens")
	if t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		if text, _ := os.ReadFile(filepath.Join(folder, "log")); t.Failed() {
			t.Logf("Dovecot's log: %s", text)
		}
	})
	return d
}

func TestIMAPLooksIntoTheJunkFolderAndMarksNothing(t *testing.T) {
	t.Parallel()
	d := startDovecot(t)
	box := d.rig().open(t, password)
	ctx := enough(t)
	mark, err := box.Mark(ctx, "ada@inbox.test") // makes Dovecot create the folder
	require.NoError(t, err)
	d.deliver(t, ".Junk", write("ada@inbox.test", "Sign in", "code 123456", "junk@auth.test"))
	d.deliver(t, "", write("somebody@inbox.test", "private", "hello", "private@auth.test"))

	m, err := box.Wait(ctx, inbox.Match{To: "ada@inbox.test", Since: mark})
	require.NoError(t, err)
	assert.Equal(t, "junk@auth.test", m.MessageID)
	assert.True(t, m.Junk(), "the mail lies in the junk folder")
	_, err = box.Wait(soon(t, 20*time.Millisecond), inbox.Match{To: "nobody@inbox.test"})
	require.Error(t, err)

	assert.Equal(t, []string{""}, d.flags(t, ".Junk"), "flags of the mail that was read")
	assert.Equal(t, []string{""}, d.flags(t, ""), "flags of somebody else's mail")
	require.NoError(t, box.Delete(ctx, m.ID))
	assert.Empty(t, d.flags(t, ".Junk"))
	assert.Equal(t, []string{""}, d.flags(t, ""))
}

// Many cases that wait at once share a few connections, and none stays open.
func TestIMAPConnectionsAreFewSharedAndClosed(t *testing.T) {
	t.Parallel()
	server := startMemory(t, imap.CapIMAP4rev1)
	box := server.rig().open(t, password)
	ctx, cancel := context.WithCancel(enough(t))
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			_, err := box.Wait(ctx, inbox.Match{To: fmt.Sprintf("p%d@inbox.test", i)})
			assert.ErrorIs(t, err, context.Canceled)
		})
	}
	const looks = 36
	assert.Eventually(t, func() bool { return server.looked() >= looks }, time.Minute, 10*time.Millisecond, "everybody looks, again and again")
	_, most, ever := server.open.counts()
	cancel()
	all.Wait()
	assert.LessOrEqual(t, most, 8, "connections at once: four, and those that are just closing")
	assert.Less(t, ever, looks, "connections in all")
	assert.Eventually(t, func() bool { now, _, _ := server.open.counts(); return now == 0 }, time.Minute, 50*time.Millisecond, "all are closed when nobody waits any more")
}

func TestIMAPWithoutUIDPLUSDeletesNothing(t *testing.T) {
	t.Parallel()
	box := startMemory(t, imap.CapIMAP4rev1).rig().open(t, password)
	assert.ErrorContains(t, box.Delete(enough(t), "1/1/INBOX"), "UIDPLUS")
}

func TestIMAPOutlivesALostConnection(t *testing.T) {
	t.Parallel()
	server := startMemory(t, imap.CapIMAP4rev1)
	r := server.rig()
	box := r.open(t, password)
	ctx := enough(t)
	mark, err := box.Mark(ctx, "ada@inbox.test")
	require.NoError(t, err)
	server.open.cut() // as a server does with those that are silent for long
	r.deliver(t, write("ada@inbox.test", "Sign in", "code 123456", "1@auth.test"))
	_, err = box.Wait(ctx, inbox.Match{To: "ada@inbox.test", Since: mark})
	require.NoError(t, err)
}

func TestIMAPOverTLS(t *testing.T) {
	t.Parallel()
	borrowed := httptest.NewUnstartedServer(nil) // for its certificate
	borrowed.StartTLS()
	t.Cleanup(borrowed.Close)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: borrowed.TLS.Certificates})
	require.NoError(t, err)
	server := serveMemory(t, listener, imap.CapIMAP4rev1)
	settings := inbox.Settings{URL: "imaps://qa@" + server.address, Address: "{id}@inbox.test", Password: password}

	trusted := settings
	trusted.Roots = x509.NewCertPool()
	trusted.Roots.AddCert(borrowed.Certificate())
	box, err := inbox.Open(trusted)
	require.NoError(t, err)
	_, err = box.Mark(enough(t), "ada@inbox.test")
	require.NoError(t, err)

	box, err = inbox.Open(settings)
	require.NoError(t, err)
	_, err = box.Wait(enough(t), inbox.Match{To: "ada@inbox.test"})
	assert.ErrorContains(t, err, "PREFLIGHT_CA_FILE")

	other := trusted
	other.URL += "/Nowhere"
	box, err = inbox.Open(other)
	require.NoError(t, err)
	_, err = box.Wait(enough(t), inbox.Match{To: "ada@inbox.test"})
	assert.ErrorContains(t, err, `has no folder "Nowhere"`)
}

// tap counts the connections that are open.
type tap struct {
	net.Listener
	mu         sync.Mutex
	conns      map[*tapped]bool
	most, ever int
}

type tapped struct {
	net.Conn
	t *tap
}

func (l *tap) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		l.conns = map[*tapped]bool{}
	}
	one := &tapped{conn, l}
	l.conns[one] = true
	l.ever++
	l.most = max(l.most, len(l.conns))
	return one, nil
}

func (c *tapped) Close() error {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	delete(c.t.conns, c)
	return c.Conn.Close()
}

// cut closes every connection.
func (l *tap) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.conns {
		_ = one.Conn.Close()
	}
}

func (l *tap) counts() (now, most, ever int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns), l.most, l.ever
}
