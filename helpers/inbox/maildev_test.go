package inbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/auth-preflight/auth-preflight/helpers/config"
)

// realMailDev is npm's MailDev on loopback, which takes its mails by SMTP.
func realMailDev(t *testing.T) rig {
	t.Helper()
	root, err := config.ModuleRoot()
	require.NoError(t, err)
	home := filepath.Join(root, ".cache", "maildev", "node_modules", "maildev")
	text, err := os.ReadFile(filepath.Join(home, "package.json"))
	if err != nil {
		t.Skip("npm's MailDev is not in .cache/maildev, so MailDev is tried on a fake only: make maildev")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not on the PATH, so MailDev is tried on a fake only")
	}
	var pkg struct{ Bin map[string]string }
	require.NoError(t, json.Unmarshal(text, &pkg))

	smtpPort, webPort := freePort(t), freePort(t)
	server := exec.Command(node, filepath.Join(home, filepath.FromSlash(pkg.Bin["maildev"])),
		"--smtp", smtpPort, "--ip", "127.0.0.1", "--web", webPort, "--web-ip", "127.0.0.1",
		"--mail-directory", t.TempDir(), "--web-user", "qa", "--web-pass", password)
	server.Dir = t.TempDir()
	var said bytes.Buffer
	server.Stdout, server.Stderr = &said, &said
	require.NoError(t, server.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Wait()
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("MailDev said: %s", said.String())
		}
	})
	web := "127.0.0.1:" + webPort
	require.Eventually(t, func() bool {
		select {
		case <-ended:
			t.Errorf("MailDev ended by itself")
			return true
		default:
		}
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+web+"/", http.NoBody)
		if err != nil {
			return false
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		conn, smtpErr := net.Dial("tcp", "127.0.0.1:"+smtpPort)
		if smtpErr == nil {
			_ = conn.Close()
		}
		return err == nil && smtpErr == nil
	}, 2*time.Minute, 50*time.Millisecond, "MailDev answers")
	if t.Failed() {
		t.FailNow()
	}
	return rig{
		url: "maildev+http://qa@" + web,
		deliver: func(t *testing.T, l letter) {
			assert.NoError(t, smtp.SendMail("127.0.0.1:"+smtpPort, nil, envelope, []string{l.to}, []byte(l.source())))
		},
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func TestMailDevMarksNothingAsRead(t *testing.T) {
	t.Parallel()
	r := realMailDev(t)
	box := r.open(t, password)
	r.deliver(t, write("ada@inbox.test", "Sign in", "code 123456", "1@auth.test"))
	all, err := box.All(enough(t), "ada@inbox.test")
	require.NoError(t, err)
	require.Len(t, all, 1)

	var list []struct{ Read bool }
	address := fmt.Sprintf("%s/api/email", r.url[len("maildev+"):])
	request, err := http.NewRequestWithContext(enough(t), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	request.SetBasicAuth("qa", password)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.NoError(t, json.NewDecoder(response.Body).Decode(&list))
	require.Len(t, list, 1)
	assert.False(t, list[0].Read)
}
