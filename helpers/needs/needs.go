// Package needs reads out of the suite's sources which variables each case needs.
// A check says so itself, by Need, NeedMethod and NotVerified, mostly in helpers
// that many share; here these calls are followed, so that no second list has to
// be kept. Nothing is run.
package needs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Case is one case of an item.
type Case struct {
	Item string // of the checklist
	Name string // as the report has it; … stands for what only a run knows
	// Variables are all needed; without one of them the case is not verified.
	Variables []string
	// People is how many have to sign in by what comes by mail, all at once: there
	// is an inbox, or there are as many test users.
	People int
	// Methods are words of PREFLIGHT_METHODS, all needed.
	Methods []string
	// Perhaps are variables that it needs under conditions that only a run knows,
	// such as a lifetime that is too long to be waited for.
	Perhaps []string
	// Harmless: it runs in production, too.
	Harmless bool
	// Unclear are needs that could not be read.
	Unclear []string
}

// Read reads the cases of all checks in the folder of the suite's sources, in the
// order of files and lines.
func Read(folder string) ([]Case, error) {
	s, tests, err := parse(folder)
	if err != nil {
		return nil, err
	}
	for _, test := range tests {
		if item := itemOf(test); item != "" {
			w := &walk{suite: s, item: item}
			w.body(test.Body, &scope{})
		}
	}
	return s.cases, nil
}

// Tests are the names of the test functions in that folder, by the item that each
// of them begins.
func Tests(folder string) (map[string]string, error) {
	_, tests, err := parse(folder)
	byItem := map[string]string{}
	for _, test := range tests {
		if item := itemOf(test); item != "" {
			byItem[item] = test.Name.Name
		}
	}
	return byItem, err
}

func parse(folder string) (s *suite, tests []*ast.FuncDecl, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return nil, nil, err
	}
	s = &suite{functions: map[string][]*ast.FuncDecl{}, methods: map[string][]*ast.FuncDecl{}, values: map[string]ast.Expr{}, types: map[string]ast.Expr{}}
	set := token.NewFileSet()
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, nil, err
		}
		tests = append(tests, s.index(file)...)
	}
	return s, tests, nil
}

// suite is what the package declares.
type suite struct {
	functions map[string][]*ast.FuncDecl
	methods   map[string][]*ast.FuncDecl // by name alone: receivers' types are not looked at
	values    map[string]ast.Expr        // of package variables and constants
	types     map[string]ast.Expr
	cases     []Case
}

func (s *suite) index(file *ast.File) (tests []*ast.FuncDecl) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			switch {
			case d.Body == nil:
			case d.Recv != nil:
				s.methods[d.Name.Name] = append(s.methods[d.Name.Name], d)
			default:
				s.functions[d.Name.Name] = append(s.functions[d.Name.Name], d)
				if strings.HasPrefix(d.Name.Name, "Test") {
					tests = append(tests, d)
				}
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					for i, name := range spec.Names {
						if i < len(spec.Values) {
							s.values[name.Name] = spec.Values[i]
						}
					}
				case *ast.TypeSpec:
					s.types[spec.Name.Name] = spec.Type
				}
			}
		}
	}
	return tests
}

// itemOf is the item that a test begins, or "".
func itemOf(test *ast.FuncDecl) (item string) {
	ast.Inspect(test.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && nameOf(call.Fun) == "begin" && len(call.Args) == 2 {
			item = literal(call.Args[1])
		}
		return item == ""
	})
	return item
}

var variable = regexp.MustCompile(`\b(?:APP|PREFLIGHT|SCALEKIT)_[A-Z0-9_]*[A-Z0-9]\b`)

func addTo(list *[]string, words ...string) {
	for _, word := range words {
		if !slices.Contains(*list, word) {
			*list = append(*list, word)
		}
	}
}
