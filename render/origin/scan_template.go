package origin

import (
	"maps"
	"slices"
	"strconv"
	"text/template/parse"
)

// template finds the sites between two offsets of the input, where a template stands: values in its text and in the
// arguments of functions that hand them on, and the lines that write fields. It also notes what the template reads for
// the fields.
func (s *scanner) template(start, end int) {
	text := string(s.in.Data[start:end])
	tree := parse.New(s.in.Path)
	tree.Mode = parse.SkipFuncCheck
	set := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "{{", "}}", set); err != nil {
		s.text(start, s.in.Data[start:end])
		return
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		w := &templateScanner{scanner: s, offset: start}
		w.list(set[name].Root)
	}
}

// templateScanner walks over the nodes of a template that stands at an offset of the input. In
//
//	{{- with .Values.image }}
//	imagePullPolicy: {{ .pullPolicy | default "IfNotPresent" }}
//	{{- end }}
//
// it finds a site for the string "IfNotPresent", which default hands on, and the line of imagePullPolicy. It notes that the
// template reads image.pullPolicy for the field, because the dot is .Values.image there.
type templateScanner struct {
	*scanner
	offset int
	// dot is the path that the dot stands for, from .Values on or the keys that were read last; nil if it is not known.
	dot []string
	// isFieldValue is true while the value of a field is visited.
	isFieldValue bool
}

func (w *templateScanner) list(list *parse.ListNode) {
	if list == nil {
		return
	}
	outer := *w
	for i, node := range list.Nodes {
		if i > 0 {
			text, ok := list.Nodes[i-1].(*parse.TextNode)
			w.isFieldValue = outer.isFieldValue || ok && w.beforeValue.Match(text.Text)
		}
		switch node := node.(type) {
		case *parse.TextNode:
			w.text(w.offset+int(node.Pos), node.Text)
		case *parse.ActionNode:
			w.pipe(node.Pipe)
		case *parse.TemplateNode:
			w.pipe(node.Pipe)
		case *parse.IfNode:
			w.branch(&node.BranchNode, w.dot)
		case *parse.RangeNode:
			w.branch(&node.BranchNode, nil)
		case *parse.WithNode:
			w.branch(&node.BranchNode, w.pathOf(node.Pipe))
		}
	}
	w.isFieldValue = outer.isFieldValue
}

// branch visits an if, range or with, whose first list has a dot of its own.
func (w *templateScanner) branch(b *parse.BranchNode, dot []string) {
	outer := *w
	w.isFieldValue = false
	w.pipe(b.Pipe)
	w.isFieldValue, w.dot = outer.isFieldValue, dot
	w.list(b.List)
	w.dot = outer.dot
	w.list(b.ElseList)
}

// pathOf returns the path that a pipe reads, if it does nothing else; it may become the dot.
func (w *templateScanner) pathOf(pipe *parse.PipeNode) []string {
	if len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 1 {
		return nil
	}
	switch node := pipe.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		return w.belowDot(node.Ident)
	case *parse.VariableNode:
		return node.Ident[1:]
	}
	return nil
}

// belowDot returns the path of a field of the dot.
func (w *templateScanner) belowDot(field []string) []string {
	if slices.Contains(w.dot, "Values") {
		return slices.Concat(w.dot, field)
	}
	return field
}

func (w *templateScanner) pipe(pipe *parse.PipeNode) {
	if pipe == nil {
		return
	}
	for i, command := range pipe.Cmds {
		next := ""
		if i+1 < len(pipe.Cmds) {
			next = functionOf(pipe.Cmds[i+1])
		}
		w.command(command, next)
	}
}

// functionOf returns the name of the function that a command calls; "" if it calls none.
func functionOf(command *parse.CommandNode) string {
	if name, ok := command.Args[0].(*parse.IdentifierNode); ok {
		return name.Ident
	}
	return ""
}

// comparing are the functions that look at their arguments and return something else.
var comparing = []string{
	"eq", "ne", "lt", "le", "gt", "ge", "has", "contains", "hasKey", "hasPrefix", "hasSuffix", "regexMatch", "mustRegexMatch",
	"empty", "required", "fail", "index", "get", "kindIs", "typeIs", "semverCompare", "without", "deepEqual",
}

// passing are the functions that return one of their arguments as it is; "" stands for no function.
var passing = []string{"", "default", "coalesce", "or", "and", "quote", "squote", "toString", "toYaml", "trim", "tpl"}

// command visits a command and its arguments. The next function of the pipe gets the command's result.
func (w *templateScanner) command(command *parse.CommandNode, next string) {
	name := functionOf(command)
	for i, arg := range command.Args {
		to := name
		if i == 0 {
			to = next
		}
		isCompared := slices.Contains(comparing, to) || to == "dict" && i%2 == 1 || to == "dig" && i < len(command.Args)-2
		switch arg := arg.(type) {
		case *parse.StringNode:
			if i > 0 && w.isNamedLikeField(arg.Text) {
				w.keys = append(w.keys, arg.Text) // as in: index .Values "pullPolicy"
			}
			w.string(arg, isCompared)
		case *parse.NumberNode:
			w.number(arg, isCompared)
		case *parse.DotNode:
			w.read(w.dot, int(arg.Pos), to)
		case *parse.FieldNode:
			w.read(w.belowDot(arg.Ident), int(arg.Pos), to)
		case *parse.VariableNode:
			w.read(arg.Ident[1:], int(arg.Pos), to)
		case *parse.ChainNode:
			w.read(arg.Field, int(arg.Pos), to)
			if pipe, ok := arg.Node.(*parse.PipeNode); ok {
				w.pipe(pipe)
			}
		case *parse.PipeNode:
			w.pipe(arg)
		}
	}
}

func (w *templateScanner) string(node *parse.StringNode, isCompared bool) {
	start := w.offset + int(node.Pos)
	switch {
	case w.values[node.Text] && isCompared:
	case w.values[node.Text]:
		w.add(&Site{Start: start, End: start + len(node.Quoted), Value: node.Text, encode: strconv.Quote})
	default:
		// The value may stand in the text: a format, or a template for tpl.
		w.text(start, []byte(node.Quoted))
	}
}

func (w *templateScanner) number(node *parse.NumberNode, isCompared bool) {
	start := w.offset + int(node.Pos)
	if w.values[node.Text] && !isCompared && isWholeNumber(node.Text) {
		w.add(&Site{Start: start, End: start + len(node.Text), Value: node.Text, encode: verbatim, isNumber: true})
	}
}

// read notes a path that the template reads near an offset: for a field by its last key, or because the function to which
// the value goes hands it to the field.
func (w *templateScanner) read(path []string, offset int, to string) {
	if len(path) == 0 || !w.isNamedLikeField(path[len(path)-1]) && !(w.isFieldValue && slices.Contains(passing, to)) {
		return
	}
	w.keys = append(w.keys, path[len(path)-1])
	if i := slices.Index(path, "Values"); i >= 0 && i+1 < len(path) {
		w.reads = append(w.reads, valueRead{w.in, w.offset + offset, path[i+1:]})
	}
}
