package browser

import (
	"os"
	"path/filepath"

	"github.com/playwright-community/playwright-go"
)

// Resize gives the window another size, in CSS pixels, as turning a phone does.
func (p *Page) Resize(size Size) {
	p.w.t.Helper()
	act(p, "resize the window", "the window to take another size", func() error {
		return p.page.SetViewportSize(size.Width, size.Height)
	})
}

// Picture keeps a picture of the whole page as name.png in the window's
// ArtifactDir, whatever becomes of the test, and returns the file's path; ""
// where there is no such folder. Fields that may show a secret are masked.
func (p *Page) Picture(name string) string {
	p.w.t.Helper()
	if p.w.o.ArtifactDir == "" {
		return ""
	}
	png := do(p, "take a picture", "a page that can be drawn", p.picture)
	if err := p.w.makeArtifactDir(); err != nil {
		p.w.t.Logf("no picture: %v", err)
		return ""
	}
	file := filepath.Join(p.w.o.ArtifactDir, name+".png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		p.w.t.Logf("no picture: %v", err)
		return ""
	}
	return file
}

// Pixels returns a picture (PNG) of a part of the window, without the caret
// and with all animations at their end: to find out whether it changes.
func (p *Page) Pixels(x, y, width, height float64) []byte {
	p.w.t.Helper()
	return do(p, "look at a part of the page", "a page that can be drawn", func() ([]byte, error) {
		return p.page.Screenshot(playwright.PageScreenshotOptions{
			Clip: &playwright.Rect{X: x, Y: y, Width: width, Height: height}, Timeout: p.limit(),
			Animations: playwright.ScreenshotAnimationsDisabled, Caret: playwright.ScreenshotCaretHide,
		})
	})
}
