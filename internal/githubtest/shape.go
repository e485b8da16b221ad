package githubtest

import (
	"hash/fnv"
	"strings"
	"time"
)

// The shapes that GitHub's description demands of users, repositories and commits, with next to nothing in them.

func (s *Server) url(path string) string { return s.APIURL() + path }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// number gives a login or a name the same id in every run.
func number(name string) int64 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name)) // never fails
	return int64(hash.Sum32())
}

func (s *Server) user(login string) map[string]any {
	kind, page := "User", s.ServerURL()+"/"+login
	if name, bot := strings.CutSuffix(login, "[bot]"); bot {
		kind, page = "Bot", s.ServerURL()+"/apps/"+name
	}
	api := s.url("/users/" + strings.NewReplacer("[", "%5B", "]", "%5D").Replace(login))
	user := map[string]any{
		"login": login, "id": number(login), "node_id": "U_" + login, "avatar_url": page + ".png", "gravatar_id": "",
		"url": api, "html_url": page, "type": kind, "site_admin": false,
	}
	for _, name := range strings.Fields("followers following gists starred subscriptions organizations repos events received_events") {
		user[name+"_url"] = api + "/" + strings.TrimPrefix(name, "organizations")
	}
	if kind == "User" {
		for name, value := range map[string]any{
			"name": login, "company": nil, "blog": nil, "location": nil, "email": nil, "hireable": nil, "bio": nil,
			"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0, "created_at": stamp(start), "updated_at": stamp(start),
		} {
			user[name] = value
		}
	}
	return user
}

func (s *Server) repository(owner string) map[string]any {
	name := owner + "/" + Repository
	api, page := s.url("/repos/"+name), s.ServerURL()+"/"+name
	repository := map[string]any{
		"id": number(name), "node_id": "R_" + name, "name": Repository, "full_name": name, "owner": s.user(owner), "private": false,
		"url": api, "html_url": page, "clone_url": page + ".git", "svn_url": page,
		"git_url": "git://github.example.com/" + name + ".git", "ssh_url": "git@github.example.com:" + name + ".git",
		"fork": owner != Owner, "default_branch": "main", "description": nil, "homepage": nil, "language": nil, "license": nil,
		"mirror_url": nil, "archived": false, "disabled": false, "visibility": "public", "size": 0,
		"created_at": stamp(start), "updated_at": stamp(start), "pushed_at": stamp(s.now),
	}
	for _, field := range strings.Fields("issues projects wiki pages downloads") {
		repository["has_"+field] = true
	}
	for _, field := range strings.Fields("forks forks_count stargazers_count watchers watchers_count open_issues open_issues_count") {
		repository[field] = 0
	}
	for _, field := range strings.Fields(`archive assignees blobs branches collaborators comments commits compare contents
		contributors deployments downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues
		keys labels languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags
		teams trees`) {
		repository[field+"_url"] = api + "/" + field
	}
	return repository
}

// commitJSON shapes what git log prints in logFormat.
func (s *Server) commitJSON(line string) map[string]any {
	fields := strings.Split(line, "\x00") // commit, tree, parents, date, message
	api, page := s.url(repo+"/commits/"+fields[0]), s.page("/commit/"+fields[0])
	parents := []any{}
	for _, parent := range strings.Fields(fields[2]) {
		parents = append(parents, map[string]any{"sha": parent, "url": s.url(repo + "/commits/" + parent), "html_url": s.page("/commit/" + parent)})
	}
	by := map[string]any{"name": author, "email": authorMail, "date": fields[3]}
	return map[string]any{
		"sha": fields[0], "node_id": "C_" + fields[0], "url": api, "html_url": page, "comments_url": api + "/comments",
		"author": nil, "committer": nil, "parents": parents,
		"commit": map[string]any{
			"url": api, "author": by, "committer": by, "message": fields[4], "comment_count": 0,
			"tree": map[string]any{"sha": fields[1], "url": s.url(repo + "/git/trees/" + fields[1])},
		},
	}
}

// commits returns the commits of a range of revisions, the oldest first.
func (s *Server) commits(revisions ...string) []map[string]any {
	output := s.git("", append([]string{"log", "-z", "--reverse", "--format=tformat:%H%x00%T%x00%P%x00%cI%x00%s%x01"}, revisions...)...)
	commits := []map[string]any{}
	for line := range strings.SplitSeq(output, "\x01\x00") {
		if line != "" {
			commits = append(commits, s.commitJSON(line))
		}
	}
	return commits
}

// page is an address for people.
func (s *Server) page(path string) string {
	return s.ServerURL() + "/" + Owner + "/" + Repository + path
}

func link(address string) map[string]any { return map[string]any{"href": address} }

// orNil is nil for the zero value: GitHub's null.
func orNil[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}
