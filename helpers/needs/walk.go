package needs

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// deepest is how many calls are followed into each other.
const deepest = 12

// walk goes through what one test does, with what is known of its names.
type walk struct {
	*suite
	item   string
	in     *Case // nil outside of cases
	cast   bool  // this case has said how many people it makes
	ifs    int   // inside how many conditions
	depth  int
	passed map[string]bool // calls of this case that were followed already
}

func (w *walk) body(n ast.Node, s *scope) {
	if n == nil {
		return
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if name, ok := left.(*ast.Ident); ok && len(n.Lhs) == len(n.Rhs) {
					defer s.bind(name.Name, n.Rhs[i], s)
				}
			}
		case *ast.RangeStmt:
			w.loop(n, s)
			return false
		case *ast.IfStmt:
			if n.Init != nil {
				w.body(n.Init, s)
			}
			w.body(n.Cond, s)
			w.condition(n.Body, s)
			if n.Else != nil {
				w.condition(n.Else, s)
			}
			return false
		case *ast.CaseClause:
			for _, statement := range n.Body {
				w.condition(statement, s)
			}
			return false
		case *ast.CallExpr:
			return w.call(n, s)
		}
		return true
	})
}

// condition goes through what is done only sometimes. That a case is declared
// there says nothing about it.
func (w *walk) condition(n ast.Node, s *scope) {
	w.ifs++
	w.body(n, s)
	w.ifs--
}

// loop goes through a loop once for each entry, where they can be told.
func (w *walk) loop(n *ast.RangeStmt, s *scope) {
	w.body(n.X, s)
	entries := w.entries(n.X, s)
	if entries == nil {
		w.body(n.Body, s.within())
		return
	}
	for _, e := range entries {
		inner := s.within()
		if name, ok := n.Key.(*ast.Ident); ok && e.key != nil {
			inner.bind(name.Name, e.key, e.scope)
		}
		if name, ok := n.Value.(*ast.Ident); ok {
			inner.names[name.Name] = bound{e.value, e.scope, e.kind}
		}
		w.body(n.Body, inner)
	}
}

// call reads a declaration, or follows a call within the package. It reports
// whether its parts are to be looked at as well.
func (w *walk) call(n *ast.CallExpr, s *scope) bool {
	name := nameOf(n.Fun)
	_, method := n.Fun.(*ast.SelectorExpr)
	switch {
	case method && name == "Case" && len(n.Args) == 3 && w.in == nil:
		w.declare(n, s)
		return false
	case method && name == "Need" && w.in != nil:
		w.need(n, s, &w.in.Variables)
		return false
	case method && name == "NeedMethod" && w.in != nil:
		w.need(n, s, &w.in.Methods)
		return false
	case method && name == "needPeople" && w.in != nil && len(n.Args) == 1:
		w.in.People = max(w.in.People, w.number(n.Args[0], s))
		return false
	case method && name == "Cast" && w.in != nil && len(n.Args) == 1:
		w.in.People, w.cast = max(w.in.People, w.number(n.Args[0], s)), true
		return false
	case method && w.cast && (name == "NewUser" || name == "NewMember"):
		return true // they are cast, and need no more
	case method && (name == "NewBystander" || name == "NewUnmailed"):
		return false // who needs nothing
	case method && name == "AnyUsers" && w.in != nil && len(n.Args) == 1:
		// Which way they are come by is the run's choice, and no need of its own.
		w.in.People = max(w.in.People, w.number(n.Args[0], s))
		return false
	case method && name == "NotVerified" && w.in != nil && len(n.Args) == 1:
		for _, text := range w.texts(n.Args[0], s) {
			switch named := variable.FindAllString(text, -1); {
			case w.ifs == 0:
				addTo(&w.in.Variables, named...)
			case strings.HasPrefix(text, "set "):
				addTo(&w.in.Perhaps, named...)
			}
		}
		return false
	case method && (name == "NotApplicable" || name == "Trouble" || name == "stop"):
		return false
	}
	w.follow(n, name, method, s)
	return true
}

// declare goes through one case.
func (w *walk) declare(n *ast.CallExpr, s *scope) {
	name := "…"
	if texts := w.texts(n.Args[0], s); len(texts) == 1 {
		name = texts[0]
	}
	inner := &walk{suite: w.suite, item: w.item, in: &Case{Item: w.item, Name: name}, passed: map[string]bool{}, depth: w.depth}
	if says, ok := w.field(w.resolve(bound{n.Args[1], s, nil}), "Harmless"); ok {
		inner.in.Harmless = nameOf(says.value) == "true"
	}
	do, at := ast.Expr(n.Args[2]), s
	if b, ok := s.find(nameOf(do)); ok {
		do, at = b.value, b.scope
	}
	if declared := w.functions[nameOf(do)]; len(declared) == 1 && isName(do) {
		inner.body(declared[0].Body, &scope{})
	} else {
		inner.body(do, at)
	}
	inner.in.Perhaps = slices.DeleteFunc(inner.in.Perhaps, func(name string) bool { return slices.Contains(inner.in.Variables, name) })
	w.cases = append(w.cases, *inner.in)
}

func (w *walk) need(n *ast.CallExpr, s *scope, list *[]string) {
	for _, argument := range n.Args {
		texts := w.texts(argument, s)
		if texts == nil {
			if !w.empty(argument, s) {
				addTo(&w.in.Unclear, nameOf(n.Fun)+" "+nameOf(argument))
			}
			continue
		}
		switch {
		case w.ifs == 0:
			addTo(list, texts...)
		case list == &w.in.Variables:
			addTo(&w.in.Perhaps, texts...)
		}
	}
}

// follow goes through the function of the package that is called, if it is one.
func (w *walk) follow(n *ast.CallExpr, name string, method bool, s *scope) {
	all := w.functions[name]
	if method {
		all = w.methods[name]
	}
	b := w.resolve(bound{n.Fun, s, nil}) // a function in a variable or in a table
	if f, ok := b.value.(*ast.FuncLit); ok {
		if w.deeper(fmt.Sprintf("literal at %d", f.Pos())) {
			inner := b.scope.within()
			w.parameters(f.Type, n, inner, s)
			w.body(f.Body, inner)
			w.depth--
		}
		return
	}
	for _, f := range all {
		if len(all) > 1 && parameters(f.Type) != len(n.Args) && !variadic(f.Type) {
			continue // a method of something else
		}
		inner := (&scope{}).within()
		w.parameters(f.Type, n, inner, s)
		if x, ok := n.Fun.(*ast.SelectorExpr); ok && len(f.Recv.List[0].Names) == 1 {
			inner.bind(f.Recv.List[0].Names[0].Name, x.X, s)
		}
		key := name
		for _, argument := range n.Args {
			key += "\x00" + strings.Join(w.texts(argument, s), "\x01")
		}
		if !w.deeper(key + strings.Repeat("?", min(w.ifs, 1))) {
			continue
		}
		w.body(f.Body, inner)
		w.depth--
	}
}

// deeper goes one call deeper, unless it leads in circles or was gone before.
func (w *walk) deeper(key string) bool {
	if w.depth >= deepest || w.passed[key] {
		return false
	}
	if w.in != nil {
		w.passed[key] = true
	}
	w.depth++
	return true
}

// parameters gives a function's parameters what it is called with.
func (w *walk) parameters(f *ast.FuncType, n *ast.CallExpr, inner, outer *scope) {
	i := 0
	for _, field := range f.Params.List {
		_, rest := field.Type.(*ast.Ellipsis)
		for _, name := range field.Names {
			switch {
			case rest && n.Ellipsis.IsValid() && i < len(n.Args):
				inner.bind(name.Name, n.Args[i], outer)
			case rest:
				inner.bind(name.Name, &ast.CompositeLit{Elts: n.Args[min(i, len(n.Args)):]}, outer)
			case i < len(n.Args):
				inner.bind(name.Name, n.Args[i], outer)
			}
			i++
		}
	}
}

func parameters(f *ast.FuncType) (n int) {
	for _, field := range f.Params.List {
		n += max(1, len(field.Names))
	}
	return n
}

func variadic(f *ast.FuncType) bool {
	if len(f.Params.List) == 0 {
		return false
	}
	_, rest := f.Params.List[len(f.Params.List)-1].Type.(*ast.Ellipsis)
	return rest
}
