package e2e

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/auth-preflight/auth-preflight/helpers/browser"
	"github.com/auth-preflight/auth-preflight/helpers/screens"
)

// People see whose page they sign in at.
func TestBranding(t *testing.T) {
	item := begin(t, "custom/branding")
	recognised := advice{
		Why:      "people do not recognise the page that asks for their password, and are right to leave",
		Mend:     "set logo and colours under Customization > Branding in the dashboard, and publish them",
		Standard: "CHECKLIST custom/branding",
		Harmless: true,
	}
	sizes := []browser.Size{{Width: 1280, Height: 720}, {Width: 360, Height: 740}}

	item.Case("the logo is shown, on a phone and on a desktop", recognised, func(c *check) {
		c.Need("PREFLIGHT_BRAND_LOGO")
		logo := c.picture(suite.cfg.BrandLogo)
		assert.NotEmpty(c, logo, "the picture at PREFLIGHT_BRAND_LOGO")
		v := c.Browser()
		v.OpenLogin("")
		for _, size := range sizes {
			v.Resize(size)
			c.keepPicture(v, "the login page", size)
			shown, branded := screens.Pictures(v.Page), false
			for _, source := range shown {
				branded = branded || source == suite.cfg.BrandLogo || string(c.picture(source)) == string(logo)
			}
			assert.True(c, branded, "the logo of PREFLIGHT_BRAND_LOGO is to be seen at %d pixels; the pictures that load there are %q", size.Width, shown)
		}
	})

	item.Case("the colour and the title are the brand's", recognised, func(c *check) {
		c.Need("PREFLIGHT_BRAND_COLOR", "PREFLIGHT_BRAND_NAME")
		v := c.Browser()
		v.OpenLogin("")
		assert.Equal(c, rgb(suite.cfg.BrandColor), screens.Background(v.Page, screens.SubmitOf(screens.EmailInput)), "the colour of the main button")
		assert.Contains(c, v.Title(), suite.cfg.BrandName, "the title of the login page")
	})
}

// rgb writes #rrggbb as browsers compute it.
func rgb(color string) string {
	value, _ := strconv.ParseUint(color[1:], 16, 32) // checked when it was read
	return fmt.Sprintf("rgb(%d, %d, %d)", value>>16, value>>8&0xff, value&0xff)
}
