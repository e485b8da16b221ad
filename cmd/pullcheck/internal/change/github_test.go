package change

import "testing"

func TestFromGitHub(t *testing.T) {
	const patch = "@@ -1,3 +1,3 @@\n a\n-b\n+c\n \n@@ -10 +10,2 @@ x\n y\n+z\n\\ No newline at end of file"
	const whole = "@@ -1,3 +1,3 @@\n1 1 \"a\"\n2 0 \"b\"\n0 2 \"c\"\n3 3 \"\"\n@@ -10,1 +10,2 @@\n10 10 \"y\"\n0 11 \"z\" no newline\n"
	const first = "@@ -1,3 +1,3 @@\n1 1 \"a\"\n2 0 \"b\"\n0 2 \"c\"\n3 3 \"\"\n"
	for _, test := range []struct {
		name  string
		entry GitHubFile
		want  string
	}{
		{"whole", GitHubFile{Filename: "f", Status: "modified", Patch: patch, Additions: 2, Deletions: 1}, "modified f\n" + whole},
		{"cut inside of a hunk", GitHubFile{Filename: "f", Status: "modified", Patch: patch[:47], Additions: 2, Deletions: 1}, "modified f incomplete\n" + first},
		{"cut inside of a header", GitHubFile{Filename: "f", Status: "modified", Patch: patch[:33], Additions: 2, Deletions: 1}, "modified f incomplete\n" + first},
		{"cut before a hunk", GitHubFile{Filename: "f", Status: "modified", Patch: patch[:27], Additions: 2, Deletions: 1}, "modified f incomplete\n" + first},
		{"with something behind", GitHubFile{Filename: "f", Status: "modified", Patch: patch + "\n...", Additions: 2, Deletions: 1}, "modified f incomplete\n" + whole},
		{"left out", GitHubFile{Filename: "f", Status: "modified", Additions: 9000}, "modified f incomplete\n"},
		{"left out of a removed file", GitHubFile{Filename: "f", Status: "removed", Deletions: 9000}, "deleted f incomplete\n"},
		{"binary or empty", GitHubFile{Filename: "f", Status: "added"}, "added f\n"},
		{"renamed", GitHubFile{Filename: "f", PreviousFilename: "g", Status: "renamed"}, "renamed g -> f\n"},
		{"copied", GitHubFile{Filename: "f", PreviousFilename: "g", Status: "copied"}, "added f\n"},
		{"changed", GitHubFile{Filename: "f", Status: "changed"}, "type changed f\n"},
		{"unchanged", GitHubFile{Filename: "f", Status: "unchanged"}, "modified f\n"},
	} {
		if got := show(FromGitHub([]GitHubFile{test.entry})[0]); got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}
