package githubtest

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// This file makes the JSON of the REST API, with the fields that GitHub's description requires.

// url returns an address of the API; page returns an address of a page for people.
func (a *rest) url(path string) string  { return a.api + path }
func (a *rest) page(path string) string { return a.web + "/" + Owner + "/" + Repository + path }

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// userID returns the numeric identifier of a user. It is made from the login, so it is the same in every run.
func userID(login string) int64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(login)) // never fails
	return int64(hash.Sum32())
}

// nodeID returns an identifier for GraphQL: "PRR_1001".
func nodeID(prefix string, id int64) string { return fmt.Sprintf("%s_%d", prefix, id) }

func (a *rest) user(login string) map[string]any {
	kind, page := "User", a.web+"/"+login
	if name, bot := strings.CutSuffix(login, "[bot]"); bot {
		kind, page = "Bot", a.web+"/apps/"+name
	}
	api := a.url("/users/" + strings.NewReplacer("[", "%5B", "]", "%5D").Replace(login))
	user := map[string]any{
		"login": login, "id": userID(login), "node_id": "U_" + login, "avatar_url": page + ".png", "gravatar_id": "",
		"url": api, "html_url": page, "type": kind, "site_admin": false,
	}
	for name := range strings.FieldsSeq(
		"followers following gists starred subscriptions organizations repos events received_events") {
		user[name+"_url"] = api + "/" + name
	}
	return user
}

func (a *rest) reviewJSON(r *review) map[string]any {
	page, pull := a.page(fmt.Sprintf("/pull/1#pullrequestreview-%d", r.id)), a.url(repo+"/pulls/1")
	link := func(address string) map[string]any { return map[string]any{"href": address} }
	return map[string]any{
		"id": r.id, "node_id": nodeID("PRR", r.id), "user": a.user(r.author), "body": r.body, "state": r.state,
		"commit_id": r.commit, "html_url": page, "pull_request_url": pull, "author_association": "NONE",
		"_links": map[string]any{"html": link(page), "pull_request": link(pull)},
	}
}

func (a *rest) issueCommentJSON(c *comment) map[string]any {
	return map[string]any{
		"id": c.id, "node_id": nodeID(issueComment, c.id), "user": a.user(c.author), "body": c.body,
		"author_association": "NONE", "url": a.url(fmt.Sprintf("%s/issues/comments/%d", repo, c.id)),
		"html_url": a.page(fmt.Sprintf("/pull/1#issuecomment-%d", c.id)), "issue_url": a.url(repo + "/issues/1"),
		"created_at": timestamp(c.created), "updated_at": timestamp(c.created),
	}
}

// commits returns the commits that git log prints for arguments such as "main..head", the oldest first.
func (a *rest) commits(arguments ...string) []map[string]any {
	arguments = append([]string{"log", "--reverse", "--format=tformat:%H%x00%T%x00%P%x00%s"}, arguments...)
	output := a.pull.git.git("", arguments...)
	commits := []map[string]any{}
	for line := range strings.Lines(output) {
		commits = append(commits, a.commitJSON(strings.Split(strings.TrimSuffix(line, "\n"), "\x00")))
	}
	return commits
}

// commitJSON returns the JSON of a commit. The fields are its name, tree, parents and subject.
func (a *rest) commitJSON(fields []string) map[string]any {
	address := func(name string) string { return a.url(repo + "/commits/" + name) }
	parents := []any{}
	for _, parent := range strings.Fields(fields[2]) {
		parents = append(parents, map[string]any{"sha": parent, "url": address(parent)})
	}
	return map[string]any{
		"sha": fields[0], "node_id": "C_" + fields[0], "url": address(fields[0]), "html_url": a.page("/commit/" + fields[0]),
		"comments_url": address(fields[0]) + "/comments", "author": nil, "committer": nil, "parents": parents,
		"commit": map[string]any{
			"url": address(fields[0]), "author": nil, "committer": nil, "message": fields[3], "comment_count": 0,
			"tree": map[string]any{"sha": fields[1], "url": a.url(repo + "/git/trees/" + fields[1])},
		},
	}
}
