package fix

import "path"

// readers is an index from files to the sources that read them. A report may have thousands of sources, and fixes
// in thousands of files: a search in all sources for each file would take too long.
type readers struct {
	reads   map[string][]int // by file: the sources that have read the file
	reaches map[string][]int // by file or directory: the sources that may read it, if they were not rendered
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

// of returns the indexes of the sources that read a file, or may read it. A source may come twice.
func (r readers) of(name string) []int {
	all := append([]int(nil), r.reads[name]...)
	for ; ; name = path.Dir(name) {
		if all = append(all, r.reaches[name]...); name == "." {
			return all
		}
	}
}
