package change

// GitHubFile is an entry of GitHub's `GET /repos/{owner}/{repo}/pulls/{number}/files`, or of the files of a comparison,
// under GitHub's names.
type GitHubFile struct {
	Filename         string
	PreviousFilename string
	Status           string
	Patch            string
	Additions        int
	Deletions        int
}

// statuses are GitHub's, with what git calls them. GitHub shows what has changed its type as "changed".
var statuses = map[string]Status{
	"added": Added, "copied": Added, "removed": Deleted, "renamed": Renamed, "changed": TypeChanged,
}

// FromGitHub returns what entries of GitHub say, as Diff does between the same commits. A file whose patch GitHub
// left out, or cut, is Incomplete.
func FromGitHub(entries []GitHubFile) Files {
	files := make(Files, 0, len(entries))
	for _, entry := range entries {
		files = append(files, entry.file())
	}
	files.sort()
	return files
}

func (e GitHubFile) file() File {
	file := File{Path: e.Filename, Status: Modified}
	if status, ok := statuses[e.Status]; ok {
		file.Status = status
	}
	if file.Status == Renamed {
		file.OldPath = e.PreviousFilename
	}
	p := parser{rest: e.Patch}
	var err error
	file.Hunks, err = p.hunks()
	added, deleted := 0, 0
	for _, hunk := range file.Hunks {
		for _, row := range hunk.Rows {
			if row.Old == 0 {
				added++
			} else if row.New == 0 {
				deleted++
			}
		}
	}
	// GitHub counts the lines of what it does not show.
	file.Incomplete = err != nil || p.rest != "" || added != e.Additions || deleted != e.Deletions
	file.Submodule = isGitlink(file.Hunks)
	return file
}
