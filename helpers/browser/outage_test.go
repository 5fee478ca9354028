package browser

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

// An origin that is down for one tab is there again after End.
func TestUnreachableIsForOneTabAndAWhile(t *testing.T) {
	t.Parallel()
	s := site()
	there := s.url("app.localhost", s.handle(t, "", page("<h1>There</h1>")))
	p := open(t, WindowOptions{})
	outage := p.Unreachable("https://app.localhost:" + s.port)
	assert.Equal(t, "net::ERR_NAME_NOT_RESOLVED", p.Attempt(there))
	assert.Empty(t, p.NewTab().Attempt(there))
	outage.End()
	assert.Empty(t, p.Attempt(there))
	assert.Equal(t, "There", p.Text())
}

func TestPictureAndPixels(t *testing.T) {
	t.Parallel()
	s := site()
	p := open(t, WindowOptions{ArtifactDir: t.TempDir()})
	p.Goto(s.url("app.localhost", s.handle(t, "", page(`<h1>Look</h1><input id=i>`))))
	p.Resize(Size{360, 640})
	assert.InDelta(t, 360, p.Eval("() => innerWidth", nil), 0)
	before := p.Pixels(0, 0, 300, 200)
	p.Click("#i")
	assert.NotEqual(t, before, p.Pixels(0, 0, 300, 200))
	file := p.Picture("look")
	png, err := os.ReadFile(file)
	assert.NoError(t, err)
	assert.Equal(t, "\x89PNG", string(png[:4]))
}
