package origin

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/pullcheck/pullcheck/render"
)

// chain is a path below .Values that a template reads.
type chain struct {
	in     *input
	offset int // near which it is read
	path   []string
}

// findInTemplate finds the places in a part of an input that is a template: values in its text and in the arguments
// of functions that hand them on, and the lines that write fields.
func (t *tracer) findInTemplate(in *input, start, end int) {
	text := string(in.Data[start:end])
	tree := parse.New(in.Path)
	tree.Mode = parse.SkipFuncCheck
	set := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "{{", "}}", set); err != nil {
		t.findInText(in, start, in.Data[start:end])
		return
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		w := &templateWalk{tracer: t, in: in, offset: start}
		w.list(set[name].Root)
	}
}

// templateWalk goes through the nodes of a template that stands at an offset of an input.
type templateWalk struct {
	*tracer
	in     *input
	offset int
	dot    []string // the fields that lead to the dot, from .Values on or those read last; nil if they are not known
	writes bool     // whether what is visited is the value of a field
}

func (w *templateWalk) list(list *parse.ListNode) {
	if list == nil {
		return
	}
	outer := *w
	for i, node := range list.Nodes {
		if i > 0 {
			text, ok := list.Nodes[i-1].(*parse.TextNode)
			w.writes = outer.writes || ok && w.value.Match(text.Text)
		}
		switch node := node.(type) {
		case *parse.TextNode:
			w.findInText(w.in, w.offset+int(node.Pos), node.Text)
		case *parse.ActionNode:
			w.pipe(node.Pipe)
		case *parse.TemplateNode:
			w.pipe(node.Pipe)
		case *parse.IfNode:
			w.branch(&node.BranchNode, w.dot)
		case *parse.RangeNode:
			w.branch(&node.BranchNode, nil)
		case *parse.WithNode:
			w.branch(&node.BranchNode, w.field(node.Pipe))
		}
	}
	w.writes = outer.writes
}

// branch visits a branch of which the first list has a dot.
func (w *templateWalk) branch(b *parse.BranchNode, dot []string) {
	outer := *w
	w.writes = false
	w.pipe(b.Pipe)
	w.writes, w.dot = outer.writes, dot
	w.list(b.List)
	w.dot = outer.dot
	w.list(b.ElseList)
}

// field is what a pipe that only reads a field leads to, as dot has it.
func (w *templateWalk) field(pipe *parse.PipeNode) []string {
	if len(pipe.Cmds) != 1 || len(pipe.Cmds[0].Args) != 1 {
		return nil
	}
	switch node := pipe.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		return w.below(node.Ident)
	case *parse.VariableNode:
		return node.Ident[1:]
	}
	return nil
}

// below are the keys to a field of the dot.
func (w *templateWalk) below(field []string) []string {
	if slices.Contains(w.dot, "Values") {
		return slices.Concat(w.dot, field)
	}
	return field
}

func (w *templateWalk) pipe(pipe *parse.PipeNode) {
	if pipe == nil {
		return
	}
	for i, command := range pipe.Cmds {
		next := ""
		if i+1 < len(pipe.Cmds) {
			next = function(pipe.Cmds[i+1])
		}
		w.command(command, next)
	}
}

// function is the name of the function that a command calls, if it calls one.
func function(command *parse.CommandNode) string {
	if name, ok := command.Args[0].(*parse.IdentifierNode); ok {
		return name.Ident
	}
	return ""
}

// comparing are the functions that look at their arguments and hand on something else.
var comparing = []string{
	"eq", "ne", "lt", "le", "gt", "ge", "has", "contains", "hasKey", "hasPrefix", "hasSuffix", "regexMatch", "mustRegexMatch",
	"empty", "required", "fail", "index", "get", "kindIs", "typeIs", "semverCompare", "without", "deepEqual",
}

// passing are the functions that hand on their arguments as they are; the empty one is none.
var passing = []string{"", "default", "coalesce", "or", "and", "quote", "squote", "toString", "toYaml", "trim", "tpl"}

// command visits a command and the pipe's next function, which gets what it returns.
func (w *templateWalk) command(command *parse.CommandNode, next string) {
	name := function(command)
	for i, arg := range command.Args {
		to := name
		if i == 0 {
			to = next
		}
		compared := slices.Contains(comparing, to) || to == "dict" && i%2 == 1 || to == "dig" && i < len(command.Args)-2
		switch arg := arg.(type) {
		case *parse.StringNode:
			if i > 0 && w.isLike(arg.Text) {
				w.keys[arg.Text] = true // as in: index .Values "pullPolicy"
			}
			w.string(arg, compared)
		case *parse.NumberNode:
			w.number(arg, compared)
		case *parse.DotNode:
			w.chain(w.dot, int(arg.Pos), to)
		case *parse.FieldNode:
			w.chain(w.below(arg.Ident), int(arg.Pos), to)
		case *parse.VariableNode:
			w.chain(arg.Ident[1:], int(arg.Pos), to)
		case *parse.ChainNode:
			w.chain(arg.Field, int(arg.Pos), to)
			if pipe, ok := arg.Node.(*parse.PipeNode); ok {
				w.pipe(pipe)
			}
		case *parse.PipeNode:
			w.pipe(arg)
		}
	}
}

func (w *templateWalk) string(node *parse.StringNode, compared bool) {
	start := w.offset + int(node.Pos)
	switch {
	case w.values[node.Text] && compared:
	case w.values[node.Text]:
		w.add(w.in, &place{start: start, end: start + len(node.Quoted), original: node.Text, quoted: strconv.Quote})
	default:
		// A text with the value in it: a format, or a template for tpl.
		w.findInText(w.in, start, []byte(node.Quoted))
	}
}

func (w *templateWalk) number(node *parse.NumberNode, compared bool) {
	start := w.offset + int(node.Pos)
	if w.values[node.Text] && !compared && isNumber(node.Text) {
		w.add(w.in, &place{start: start, end: start + len(node.Text), original: node.Text, quoted: plain, numeric: true})
	}
}

func plain(value string) string { return value }

// chain notes what a template reads for a field, by its key or because it hands it to the field.
func (w *templateWalk) chain(path []string, at int, to string) {
	if len(path) == 0 || !w.isLike(path[len(path)-1]) && !(w.writes && slices.Contains(passing, to)) {
		return
	}
	w.keys[path[len(path)-1]] = true
	if i := slices.Index(path, "Values"); i >= 0 && i+1 < len(path) {
		w.chains = append(w.chains, chain{w.in, w.offset + at, path[i+1:]})
	}
}

// findInText finds the places in text at an offset of an input: the lines that write fields, and values.
func (t *tracer) findInText(in *input, offset int, text []byte) {
	s := string(text)
	if in.Use != render.UseFlag && t.mentionsKey(s) {
		for _, match := range t.line.FindAllStringSubmatchIndex(s, -1) {
			rest := s[match[1]:]
			if rest != "" && !strings.ContainsRune(" \t\r\n", rune(rest[0])) {
				continue // It is no key.
			}
			if rest = strings.TrimLeft(rest, " "); rest != "" && strings.ContainsRune("&*!", rune(rest[0])) {
				continue // It has an anchor, or can have none.
			}
			start, end := offset+match[2], offset+match[1]
			if start > 0 && (in.Data[start-1] == '"' || in.Data[start-1] == '\'') {
				start--
			}
			p := &place{
				in: in, start: end, end: end, kind: mark, mark: s[match[2]:match[3]],
				quoted: func(token string) string { return " &" + token }, empty: true,
				shown: [2]int{start, lineEnd(in.Data, end)},
			}
			if p.inFlow(start) {
				p.flow, p.shown[1] = true, flowEnd(in.Data, end, p.shown[1])
			}

			if before := p.before(start); len(bytes.TrimLeft(before, " -")) == 0 {
				p.hasSibling = true
				beside := *p
				beside.start, beside.end, beside.kind, beside.empty = start, start, sibling, false
				beside.quoted = func(token string) string { return token + `: ""` + "\n" + strings.Repeat(" ", len(before)) }
				t.add(in, &beside)
			}
			t.add(in, p)
		}
	}
	if t.behind || t.mentionsValue(s) {
		t.findWords(in, offset, s)
	}
}

// isKey matches what stands behind a key.
var isKey = regexp.MustCompile(`^(?:["'][ \t]*:|[ \t]*:(?:\s|$))`)

// findWords finds the values in text that are words of their own and no keys, or stand behind a field's key.
func (t *tracer) findWords(in *input, offset int, text string) {
	for from := 0; t.words != nil && from < len(text); {
		match := t.words.FindStringSubmatchIndex(text[from:])
		if match == nil {
			break
		}
		start, end := from+match[2], from+match[3]
		if !isKey.MatchString(text[end:]) {
			t.add(in, &place{start: offset + start, end: offset + end, original: text[start:end], quoted: plain})
		}
		from = end
	}
	if !t.behind {
		return
	}
	for _, match := range behindKey.FindAllStringSubmatchIndex(text, -1) {
		key, value := text[match[2]:match[3]], text[match[4]:match[5]]
		if t.fields[key] && t.values[value] && !isDistinct(value) {
			t.add(in, &place{start: offset + match[4], end: offset + match[5], original: value, quoted: plain, numeric: isNumber(value)})
		}
	}
}

// behindKey matches a key and a value on one line.
var behindKey = regexp.MustCompile(`([\w-]+)["']?[:=][ \t]*["']?([^\s"',{}]+)`)

// inFlow reports whether what stands at an offset is in a mapping in flow style that begins on its line.
func (p *place) inFlow(offset int) bool {
	before := p.before(offset)
	before = actions.ReplaceAll(before[max(len(before)-maxFlow, 0):], nil)
	return bytes.Count(before, []byte("{")) > bytes.Count(before, []byte("}"))
}

// maxFlow is how far before a key, in bytes, its mapping is looked for.
const maxFlow = 4096

// actions are those of a template, on one line.
var actions = regexp.MustCompile(`\{\{.*?\}\}`)

// flowEnd is where a value in flow style ends that stands between two offsets.
func flowEnd(data []byte, start, end int) int {
	text := actions.ReplaceAllFunc(data[start:end], func(action []byte) []byte { return bytes.Repeat([]byte("x"), len(action)) })
	if i := bytes.IndexAny(text, ",}"); i >= 0 {
		end = start + i
	}
	return start + len(bytes.TrimRight(data[start:end], " "))
}

// lineEnd is where the line of an offset ends, without the white space before that.
func lineEnd(data []byte, offset int) int {
	end := offset
	for end < len(data) && data[end] != '\n' {
		end++
	}
	return offset + len(strings.TrimRight(string(data[offset:end]), " \t\r"))
}
