package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// GitHub's limits on diffs:
// https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits#diff-limits
const (
	filesInDiff    = 300
	linesInDiff    = 20000
	filesInListing = 3000
)

// Event is the payload of the event pull_request ("opened", "synchronize", ...) as it stands in the file that
// GITHUB_EVENT_PATH names.
func (s *Server) Event(action string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	event, err := json.Marshal(map[string]any{
		"action": action, "number": Number, "pull_request": s.pull(), "repository": s.repository(Owner), "sender": s.user(s.headOwner()),
	})
	if err != nil {
		s.tb.Errorf("githubtest: %v", err)
	}
	return event
}

// OmitPatch makes GitHub leave out the patch of files, as it does for large ones.
func (s *Server) OmitPatch(paths ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, path := range paths {
		s.omitted[path] = true
	}
}

func (s *Server) getPull(c *call) (int, any) {
	if wantsDiff(c) {
		return s.rawDiff(s.mergeBase(s.head), s.head)
	}
	return http.StatusOK, s.pull()
}

func (s *Server) pull() map[string]any {
	api, page, issue := s.url(repo+"/pulls/1"), s.page("/pull/1"), s.url(repo+"/issues/1")
	files := s.diff(s.mergeBase(s.head), s.head)
	additions, deletions := 0, 0
	for _, f := range files {
		additions += f.additions
		deletions += f.deletions
	}
	merge, _ := s.try("", "rev-parse", "--quiet", "--verify", mergeRef)
	statuses := s.url(repo + "/statuses/" + s.head)
	return map[string]any{
		"id": 1, "node_id": "PR_1", "number": Number, "state": "open", "locked": false, "draft": false, "title": "Change files", "body": nil,
		"url": api, "html_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch", "issue_url": issue, "statuses_url": statuses,
		"commits_url": api + "/commits", "comments_url": issue + "/comments",
		"review_comments_url": api + "/comments", "review_comment_url": s.url(repo + "/pulls/comments{/number}"),
		"user": s.user(s.headOwner()), "labels": []any{}, "milestone": nil, "assignee": nil, "author_association": s.association(s.headOwner()),
		"created_at": stamp(start), "updated_at": stamp(s.now), "closed_at": nil, "merged_at": nil, "merged": false, "merged_by": nil,
		"auto_merge": nil, "mergeable": merge != "", "mergeable_state": "unknown", "merge_commit_sha": orNil(merge), "maintainer_can_modify": s.fork,
		"head": s.branch(s.headOwner(), headBranch, s.head), "base": s.branch(Owner, "main", s.baseSHA),
		"comments": len(s.issueComments), "review_comments": len(s.published(nil)), "commits": len(s.commits(s.main + ".." + s.head)),
		"additions": additions, "deletions": deletions, "changed_files": len(files),
		"_links": map[string]any{
			"self": link(api), "html": link(page), "issue": link(issue), "comments": link(issue + "/comments"), "statuses": link(statuses),
			"review_comments": link(api + "/comments"), "review_comment": link(s.url(repo + "/pulls/comments{/number}")), "commits": link(api + "/commits"),
		},
	}
}

func (s *Server) branch(owner, ref, commit string) map[string]any {
	return map[string]any{"label": owner + ":" + ref, "ref": ref, "sha": commit, "user": s.user(owner), "repo": s.repository(owner)}
}

// association says that everybody belongs to the repository but bots and the owner of the fork.
func (s *Server) association(login string) string {
	if login == Contributor || login == BotLogin {
		return "NONE"
	}
	return "MEMBER"
}

func (s *Server) listFiles(c *call) (int, any) {
	files := s.diff(s.mergeBase(s.head), s.head)
	return http.StatusOK, s.fileList(paginate(s, c, files[:min(len(files), filesInListing)]))
}

func (s *Server) fileList(files []*file) []any {
	list := []any{}
	for _, f := range files {
		where := s.head + "/" + (&url.URL{Path: f.path}).EscapedPath()
		entry := map[string]any{
			"sha": f.blob, "filename": f.path, "status": f.status, "additions": f.additions, "deletions": f.deletions,
			"changes": f.additions + f.deletions, "blob_url": s.page("/blob/" + where), "raw_url": s.page("/raw/" + where),
			"contents_url": s.url(repo + "/contents/" + (&url.URL{Path: f.path}).EscapedPath() + "?ref=" + s.head),
		}
		if f.previous != "" {
			entry["previous_filename"] = f.previous
		}
		if f.patch != "" && !s.omitted[f.path] {
			entry["patch"] = f.patch
		}
		list = append(list, entry)
	}
	return list
}

// compare lists at most 300 files, and those with the first page of commits alone.
func (s *Server) compare(c *call) (int, any) {
	from, to, _ := strings.Cut(c.PathValue("basehead"), "...")
	left, right := s.resolve(from), s.resolve(to)
	common, err := s.try("", "merge-base", left, right)
	if left == "" || right == "" || err != nil {
		return http.StatusNotFound, failure(http.StatusNotFound, "Not Found")
	}
	if wantsDiff(c) {
		return s.rawDiff(common, right)
	}
	ahead, behind := s.commits(common+".."+right), s.commits(common+".."+left)
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	files := s.diff(common, right)
	files = files[:min(len(files), filesInDiff)]
	if page := c.URL.Query().Get("page"); page != "" && page != "1" {
		files = nil
	}
	page := s.page("/compare/" + from + "..." + to)
	return http.StatusOK, map[string]any{
		"url": s.url(repo + "/compare/" + from + "..." + to), "html_url": page, "permalink_url": page, "diff_url": page + ".diff", "patch_url": page + ".patch",
		"base_commit": s.commits("-1", left)[0], "merge_base_commit": s.commits("-1", common)[0],
		"status": status, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
		"commits": paginate(s, c, ahead), "files": s.fileList(files),
	}
}

func wantsDiff(c *call) bool { return strings.Contains(c.Header.Get("Accept"), "diff") }

// rawDiff answers the diff media type, which GitHub refuses for large diffs.
func (s *Server) rawDiff(from, to string) (int, any) {
	lines := 0
	files := s.diff(from, to)
	for _, f := range files {
		lines += strings.Count(f.patch, "\n")
	}
	excess := ""
	switch {
	case len(files) > filesInDiff:
		excess = fmt.Sprintf("files (%d)", filesInDiff)
	case lines > linesInDiff:
		excess = fmt.Sprintf("lines (%d)", linesInDiff)
	default:
		return http.StatusOK, s.git("", "diff", from, to) + "\n"
	}
	message := "Sorry, the diff exceeded the maximum number of " + excess +
		". Consider using 'List pull requests files' API or locally cloning the repository instead."
	return http.StatusNotAcceptable, failure(http.StatusNotAcceptable, message,
		map[string]any{"resource": "PullRequest", "field": "diff", "code": "too_large"})
}

// paginate cuts out the page that a call asks for and names the others in the header Link.
func paginate[T any](s *Server, c *call, items []T) []T {
	query := c.URL.Query()
	for name := range query {
		if name != "page" && name != "per_page" {
			s.tb.Errorf("githubtest: %s %s: the parameter %s is not simulated", c.Method, c.URL.Path, name)
		}
	}
	number := func(name string, standard int) int {
		if n, err := strconv.Atoi(query.Get(name)); err == nil && n > 0 {
			return n
		}
		return standard
	}
	size, page := min(number("per_page", 30), 100), number("page", 1)
	last := max(1, (len(items)+size-1)/size)
	var links []string
	relate := func(name string, page int) {
		query.Set("page", strconv.Itoa(page))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel="%s"`, s.ServerURL(), c.URL.EscapedPath(), query.Encode(), name))
	}
	if page > 1 {
		relate("prev", page-1)
		relate("first", 1)
	}
	if page < last {
		relate("next", page+1)
		relate("last", last)
	}
	if len(links) > 0 {
		c.header.Set("Link", strings.Join(links, ", "))
	}
	begin := min((page-1)*size, len(items))
	return items[begin:min(begin+size, len(items))]
}
