package fix

import "path"

// readers says which sources read a file. It is made once, because a report may have thousands of sources, and thousands of
// files that fixes edit.
type readers struct {
	reads   map[string][]int // by file
	reaches map[string][]int // by a file or directory that sources which were not rendered can be rendered from
}

func newReaders(sources []Rendered) readers {
	r := readers{map[string][]int{}, map[string][]int{}}
	for i, s := range sources {
		for _, name := range s.Reads {
			r.reads[name] = append(r.reads[name], i)
		}
		if s.Reach == nil {
			continue
		}
		for _, name := range s.Reach.Paths() {
			r.reaches[name] = append(r.reaches[name], i)
		}
	}
	return r
}

// of returns the sources that read a file, or may read it. A source may come twice.
func (r readers) of(name string) []int {
	all := append([]int(nil), r.reads[name]...)
	for ; ; name = path.Dir(name) {
		if all = append(all, r.reaches[name]...); name == "." {
			return all
		}
	}
}
