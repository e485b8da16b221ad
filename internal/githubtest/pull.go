package githubtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	mainRef    = "refs/heads/main"
	pullRef    = "refs/pull/1/head"
	mergeRef   = "refs/pull/1/merge" // what a workflow checks out for the event pull_request
	headBranch = "change"
)

// pullRequest is the one pull request of the repository: its branches, its reviews and comments, and GitHub's rules
// for them. It knows nothing of HTTP and tokens. The mutex of Server guards it.
type pullRequest struct {
	tb    testing.TB
	clock *clock
	git   *repository

	main, head string // commits of the branches; head is empty until the pull request is open
	baseSHA    string // main at the time of the last push
	fork       bool

	lastID        int64
	threads       []*thread
	reviews       []*review
	issueComments []*comment
	notifications []Notification
}

// nextID returns the next identifier. Identifiers count up, so that every run of a test is the same.
func (p *pullRequest) nextID() int64 {
	p.lastID++
	return p.lastID
}

func (p *pullRequest) notify(by, kind string, id int64) {
	p.notifications = append(p.notifications, Notification{By: by, Kind: kind, ID: id})
}

// base is the commit at which the pull request's diff begins.
func (p *pullRequest) base() string { return p.git.mergeBase(p.main, p.head) }

// contains reports whether a commit, by its full name, is one of the commits of the pull request now.
func (p *pullRequest) contains(commit string) bool {
	return slices.Contains(strings.Fields(p.git.git("", "rev-list", p.main+".."+p.head)), commit)
}

func (p *pullRequest) headOwner() string {
	if p.fork {
		return Contributor
	}
	return Owner
}

func (p *pullRequest) moveHead(commit string) {
	p.head, p.baseSHA = commit, p.main
	p.updateRefs()
}

func (p *pullRequest) moveMain(commit string) {
	p.main = commit
	p.updateRefs()
}

// updateRefs writes the branches and the merge of head and main into the git repository.
func (p *pullRequest) updateRefs() {
	var update strings.Builder
	fmt.Fprintf(&update, "update %s %s\n", mainRef, p.main)
	if p.head != "" {
		fmt.Fprintf(&update, "update %s %s\n", pullRef, p.head)
		if !p.fork {
			fmt.Fprintf(&update, "update refs/heads/%s %s\n", headBranch, p.head)
		}
		// If head and main conflict, GitHub keeps the last merge that had no conflict.
		if tree, err := p.git.run("", "merge-tree", "--write-tree", p.main, p.head); err == nil {
			message := fmt.Sprintf("Merge %s into %s", p.head, p.main)
			merge := p.git.git("", "commit-tree", "-p", p.main, "-p", p.head, "-m", message, strings.TrimSpace(tree))
			fmt.Fprintf(&update, "update %s %s\n", mergeRef, merge)
		}
	}
	p.git.git(update.String(), "update-ref", "--stdin")
}
