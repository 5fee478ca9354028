package needs

import (
	"go/ast"
	"go/token"
	"strconv"
)

// scope is what names stand for.
type scope struct {
	names map[string]bound
	outer *scope
}

// bound is an expression, where its own names are looked up, and its type where
// a composite literal leaves it out.
type bound struct {
	value ast.Expr
	scope *scope
	kind  ast.Expr
}

func (s *scope) within() *scope { return &scope{names: map[string]bound{}, outer: s} }

func (s *scope) bind(name string, value ast.Expr, at *scope) {
	if s.names == nil {
		s.names = map[string]bound{}
	}
	if id, ok := value.(*ast.Ident); ok && id.Name == name && at == s {
		return // v := v
	}
	if _, again := s.names[name]; !again || name == "_" { // the first word counts: a later one may be a condition's
		s.names[name] = bound{value, at, nil}
	}
}

func (s *scope) find(name string) (bound, bool) {
	for ; s != nil && name != ""; s = s.outer {
		if b, ok := s.names[name]; ok {
			return b, true
		}
	}
	return bound{}, false
}

// resolve leads from a name to what it stands for.
func (w *walk) resolve(b bound) bound {
	for range deepest {
		switch e := b.value.(type) {
		case *ast.ParenExpr:
			b.value = e.X
		case *ast.UnaryExpr:
			b.value = e.X
		case *ast.Ident:
			if next, ok := b.scope.find(e.Name); ok {
				b = next
			} else if value, ok := w.values[e.Name]; ok {
				b = bound{value, &scope{}, nil}
			} else {
				return b
			}
		case *ast.SelectorExpr:
			next, ok := w.field(w.resolve(bound{e.X, b.scope, nil}), e.Sel.Name)
			if !ok {
				return b
			}
			b = next
		case *ast.SliceExpr:
			return b
		default:
			return b
		}
	}
	return b
}

// field is a field of a struct's composite literal.
func (w *walk) field(of bound, name string) (bound, bool) {
	lit, ok := of.value.(*ast.CompositeLit)
	if !ok {
		return bound{}, false
	}
	kind := of.kind
	if lit.Type != nil {
		kind = lit.Type
	}
	if id, ok := kind.(*ast.Ident); ok {
		kind = w.types[id.Name]
	}
	for i, element := range lit.Elts {
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			if nameOf(pair.Key) == name {
				return bound{pair.Value, of.scope, nil}, true
			}
			continue
		}
		if fields := fieldsOf(kind); i < len(fields) && fields[i] == name {
			return bound{element, of.scope, nil}, true
		}
	}
	return bound{}, false
}

func fieldsOf(kind ast.Expr) (names []string) {
	s, ok := kind.(*ast.StructType)
	if !ok {
		return nil
	}
	for _, field := range s.Fields.List {
		for _, name := range field.Names {
			names = append(names, name.Name)
		}
	}
	return names
}

// entry is one of what a loop goes through.
type entry struct {
	key, value ast.Expr
	scope      *scope
	kind       ast.Expr
}

// entries are those of a list or a table; nil where they cannot be told.
func (w *walk) entries(x ast.Expr, s *scope) (all []entry) {
	b := w.resolve(bound{x, s, nil})
	lit, ok := b.value.(*ast.CompositeLit)
	if !ok {
		return nil
	}
	var kind ast.Expr
	switch t := lit.Type.(type) {
	case *ast.ArrayType:
		kind = t.Elt
	case *ast.MapType:
		kind = t.Value
	}
	for _, element := range lit.Elts {
		e := entry{nil, element, b.scope, kind}
		if pair, ok := element.(*ast.KeyValueExpr); ok {
			e.key, e.value = pair.Key, pair.Value
		}
		all = append(all, e)
	}
	return all
}

// texts are the strings that an expression can be told to be; nil where it
// cannot.
func (w *walk) texts(x ast.Expr, s *scope) []string {
	b := w.resolve(bound{x, s, nil})
	switch e := b.value.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			return []string{literal(e)}
		}
	case *ast.BinaryExpr:
		left, right := w.texts(e.X, b.scope), w.texts(e.Y, b.scope)
		if e.Op != token.ADD || left == nil && right == nil {
			return nil
		}
		return []string{only(left) + only(right)}
	case *ast.CompositeLit:
		var all []string
		for _, element := range e.Elts {
			all = append(all, w.texts(element, b.scope)...)
		}
		return all
	case *ast.CallExpr:
		switch name := nameOf(e.Fun); {
		case name == "append":
			var all []string
			for _, argument := range e.Args {
				all = append(all, w.texts(argument, b.scope)...)
			}
			return all
		case name == "Sprintf" && len(e.Args) > 0:
			return w.texts(e.Args[0], b.scope)
		}
	}
	return nil
}

// number is the whole number that an expression can be told to be; else 1.
func (w *walk) number(x ast.Expr, s *scope) int {
	b := w.resolve(bound{x, s, nil})
	if lit, ok := b.value.(*ast.BasicLit); ok && lit.Kind == token.INT {
		if n, err := strconv.Atoi(lit.Value); err == nil {
			return n
		}
	}
	return 1
}

// empty reports whether an expression is a list of nothing.
func (w *walk) empty(x ast.Expr, s *scope) bool {
	b := w.resolve(bound{x, s, nil})
	lit, ok := b.value.(*ast.CompositeLit)
	return ok && len(lit.Elts) == 0 || nameOf(b.value) == "nil"
}

func only(texts []string) string {
	if len(texts) != 1 {
		return "…"
	}
	return texts[0]
}

func literal(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			return text
		}
	}
	return ""
}

// nameOf is the last name of what is called or named.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.IndexExpr:
		return nameOf(e.X)
	}
	return ""
}

func isName(e ast.Expr) bool {
	_, ok := e.(*ast.Ident)
	return ok
}
