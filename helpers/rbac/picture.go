package rbac

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"sync"
)

// Picture is the matrix with what was seen of it, to be looked at by somebody
// who was not there. It may be used by many goroutines.
type Picture struct {
	matrix *Matrix

	mu    sync.Mutex
	cells map[*Action]map[string]*cell
}

// cell is one role at one action: was it offered, did it work.
type cell struct{ offered, worked *bool }

// NewPicture is a picture of m in which nothing was seen yet.
func NewPicture(m *Matrix) *Picture {
	return &Picture{matrix: m, cells: map[*Action]map[string]*cell{}}
}

// Offered notes whether a page offered an action to a role.
func (p *Picture) Offered(a *Action, role string, offered bool) {
	p.edit(a, role, func(c *cell) { c.offered = &offered })
}

// Request notes whether a direct request of a role had its effect.
func (p *Picture) Request(a *Action, role string, worked bool) {
	p.edit(a, role, func(c *cell) { c.worked = &worked })
}

func (p *Picture) edit(a *Action, role string, change func(*cell)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cells[a] == nil {
		p.cells[a] = map[string]*cell{}
	}
	if p.cells[a][role] == nil {
		p.cells[a][role] = &cell{}
	}
	change(p.cells[a][role])
}

// mark is one half of a cell as it is drawn.
type mark struct{ Text, Class string }

type drawnCell struct {
	May           string
	Class         string
	Page, Request mark
}

type drawnRow struct {
	Name, Do string
	Cells    []drawnCell
}

func (p *Picture) rows() (rows []drawnRow, wrong int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.matrix.Actions {
		row := drawnRow{Name: a.Name, Do: a.Do}
		for _, role := range p.matrix.Roles {
			may, seen := a.May(role), p.cells[a][role]
			if seen == nil {
				seen = &cell{}
			}
			d := drawnCell{May: "may not", Class: "no"}
			if may {
				d.May, d.Class = "may", "yes"
			}
			d.Page = half(seen.offered, may, "offered", "not offered")
			if a.Control == "" {
				d.Page = mark{"no control declared", "quiet"}
			}
			d.Request = half(seen.worked, may, "works", "refused")
			if d.Page.Class == "wrong" || d.Request.Class == "wrong" {
				d.Class = "wrong"
				wrong++
			}
			row.Cells = append(row.Cells, d)
		}
		rows = append(rows, row)
	}
	return rows, wrong
}

func half(seen *bool, may bool, yes, no string) mark {
	switch {
	case seen == nil:
		return mark{"not seen", "quiet"}
	case *seen != may && *seen:
		return mark{yes + " – wrong", "wrong"}
	case *seen != may:
		return mark{no + " – wrong", "wrong"}
	case *seen:
		return mark{yes, "good"}
	}
	return mark{no, "good"}
}

//go:embed picture.html
var picturePage string

var pictureTemplate = template.Must(template.New("picture").Parse(picturePage))

// HTML draws the picture as one page that needs nothing else.
func (p *Picture) HTML(app string) []byte {
	rows, wrong := p.rows()
	var page bytes.Buffer
	err := pictureTemplate.Execute(&page, map[string]any{"App": app, "Roles": p.matrix.Roles, "Rows": rows, "Wrong": wrong})
	if err != nil {
		return []byte(template.HTMLEscapeString(err.Error()))
	}
	return page.Bytes()
}

// Text is the picture in words, a line for each action.
func (p *Picture) Text() string {
	rows, wrong := p.rows()
	var b strings.Builder
	for _, row := range rows {
		fmt.Fprintf(&b, "%s (%s)\n", row.Name, row.Do)
		for i, c := range row.Cells {
			fmt.Fprintf(&b, "  %-12s %-8s page: %s; request: %s\n", p.matrix.Roles[i], c.May, c.Page.Text, c.Request.Text)
		}
	}
	fmt.Fprintf(&b, "%d of %d cells are not as declared\n", wrong, len(rows)*len(p.matrix.Roles))
	return b.String()
}
