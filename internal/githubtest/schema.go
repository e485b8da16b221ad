package githubtest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The part of GitHub's GraphQL schema that is simulated, by type.

func (e *execution) query() object {
	return object{
		"__typename": "Query",
		"viewer":     e.viewer(),
		"rateLimit": field(func(map[string]any) any {
			u := e.usageOf(e.by.login)
			return object{
				"__typename": "RateLimit", "cost": 1, "nodeCount": 1, "limit": requestsAnHour, "used": u.used,
				"remaining": requestsAnHour - u.used, "resetAt": stamp(u.window.Add(time.Hour)),
			}
		}),
		"repository": field(func(arguments map[string]any) any {
			if arguments["owner"] != Owner || arguments["name"] != Repository {
				return e.fail("NOT_FOUND", "Could not resolve to a Repository with the name '%v/%v'.", arguments["owner"], arguments["name"])
			}
			return e.repositoryObject()
		}),
		"node": field(func(arguments map[string]any) any { return e.orNotFound(e.node(arguments["id"]), arguments["id"]) }),
		"nodes": field(func(arguments map[string]any) any {
			list := []object{}
			ids, _ := arguments["ids"].([]any)
			for _, id := range ids {
				list = append(list, e.node(id))
			}
			return list
		}),
	}
}

// viewer is a User also where it is a bot, and has the login that REST gives; as an author, a bot is a Bot and has none of the "[bot]".
func (e *execution) viewer() object {
	return object{"__typename": "User", "id": "U_" + e.by.login, "databaseId": number(e.by.login), "login": e.by.login}
}

func (e *execution) actor(login string) object {
	name, bot := strings.CutSuffix(login, "[bot]")
	actor := object{"__typename": "User", "id": "U_" + login, "databaseId": number(login), "login": name}
	if bot {
		actor["__typename"] = "Bot"
	}
	return actor
}

func (e *execution) repositoryObject() object {
	return object{
		"__typename": "Repository", "id": "R_" + Owner + "/" + Repository, "name": Repository, "nameWithOwner": Owner + "/" + Repository,
		"pullRequest": field(func(arguments map[string]any) any {
			if integer(arguments["number"]) != Number || e.head == "" {
				return e.fail("NOT_FOUND", "Could not resolve to a PullRequest with the number of %v.", arguments["number"])
			}
			return e.pullObject()
		}),
	}
}

func (e *execution) pullObject() object {
	var threads []*thread
	for _, t := range e.threads {
		if t.comments[0].review.state != "PENDING" {
			threads = append(threads, t)
		}
	}
	var reviews []*review
	for _, r := range e.reviews {
		if r.state != "PENDING" || r.author == e.by.login {
			reviews = append(reviews, r)
		}
	}
	return object{
		"__typename": "PullRequest", "id": "PR_1", "number": Number, "state": "OPEN", "isDraft": false, "author": e.actor(e.headOwner()),
		"headRefOid": e.head, "baseRefOid": e.baseSHA,
		"reviewThreads": connection(e, "reviewThreads", threads, e.threadObject),
		"comments":      connection(e, "comments", e.issueComments, e.issueCommentObject),
		"reviews":       connection(e, "reviews", reviews, e.reviewObject),
	}
}

func (e *execution) threadObject(t *thread) object {
	where, current := e.place(t.anchor)
	var resolver any
	if t.resolvedBy != "" {
		resolver = e.actor(t.resolvedBy)
	}
	return object{
		"__typename": "PullRequestReviewThread", "id": nodeID("PRRT", t.id), "path": t.path, "subjectType": t.subject(),
		"isResolved": t.resolvedBy != "", "isOutdated": !current, "isCollapsed": t.resolvedBy != "" || !current, "resolvedBy": resolver,
		"diffSide": t.side, "startDiffSide": orNil(t.startSide), "line": orNil(where.line), "startLine": orNil(where.start),
		"originalLine": orNil(t.line), "originalStartLine": orNil(t.start), "viewerCanReply": e.by.write,
		"viewerCanResolve": e.mayResolve() && t.resolvedBy == "", "viewerCanUnresolve": e.mayResolve() && t.resolvedBy != "",
		"comments": connection(e, "comments", t.comments, e.commentObject),
	}
}

// mayResolve: a token needs "contents: write" to resolve a thread (https://github.com/github/gh-aw/issues/35726),
// which the workflow's has not.
func (e *execution) mayResolve() bool { return e.by.write && e.by.human }

// minimizable are the fields that reviews and all kinds of comments have.
func (e *execution) minimizable(kind, prefix string, id int64, author, body, minimized, fragment string) object {
	return object{
		"__typename": kind, "id": nodeID(prefix, id), "databaseId": id, "fullDatabaseId": fmt.Sprint(id), "author": e.actor(author), "body": body,
		"isMinimized": minimized != "", "minimizedReason": orNil(minimized), "url": e.page(fmt.Sprintf("/pull/1#%s%d", fragment, id)),
		"viewerCanMinimize": e.by.write, "viewerCanDelete": e.by.write, "viewerDidAuthor": author == e.by.login,
	}
}

func (e *execution) issueCommentObject(c *issueComment) object {
	return e.minimizable("IssueComment", "IC", c.id, c.author, c.body, c.minimized, "issuecomment-")
}

func (e *execution) reviewObject(r *review) object {
	o := e.minimizable("PullRequestReview", "PRR", r.id, r.author, r.body, r.minimized, "pullrequestreview-")
	o["state"], o["submittedAt"] = r.state, nil
	if r.state != "PENDING" {
		o["submittedAt"] = stamp(r.submitted)
	}
	o["comments"] = connection(e, "comments", e.published(r), e.commentObject)
	return o
}

func (e *execution) commentObject(c *reviewComment) object {
	t := c.thread
	where, current := e.place(t.anchor)
	o := e.minimizable("PullRequestReviewComment", "PRRC", c.id, c.author, c.body, c.minimized, "discussion_r")
	o["path"], o["subjectType"], o["outdated"], o["state"] = t.path, t.subject(), !current, "SUBMITTED"
	if c.review.state == "PENDING" {
		o["state"] = "PENDING"
	}
	o["line"], o["startLine"] = orNil(where.line), orNil(where.start)
	o["originalLine"], o["originalStartLine"] = orNil(t.line), orNil(t.start)
	o["originalCommit"] = object{"__typename": "Commit", "id": "C_" + t.commit, "oid": t.commit}
	o["pullRequestReview"] = field(func(map[string]any) any { return e.reviewObject(c.review) })
	o["replyTo"] = field(func(map[string]any) any {
		if first := t.comments[0]; c.replyTo == first.id {
			return e.commentObject(first)
		}
		return nil
	})
	return o
}

// node finds what a global id names, or nil.
func (e *execution) node(id any) object {
	for _, t := range e.threads {
		if nodeID("PRRT", t.id) == id {
			return e.threadObject(t)
		}
		for _, c := range t.comments {
			if nodeID("PRRC", c.id) == id {
				return e.commentObject(c)
			}
		}
	}
	for _, c := range e.issueComments {
		if nodeID("IC", c.id) == id {
			return e.issueCommentObject(c)
		}
	}
	for _, r := range e.reviews {
		if nodeID("PRR", r.id) == id {
			return e.reviewObject(r)
		}
	}
	if id == "PR_1" && e.head != "" {
		return e.pullObject()
	}
	return nil
}

func (e *execution) orNotFound(o object, id any) any {
	if o == nil {
		return e.fail("NOT_FOUND", "Could not resolve to a node with the global id of '%v'.", id)
	}
	return o
}

// mutation wraps every mutation in what they have in common: the permission and the field input.
func (e *execution) mutation() object {
	root := object{"__typename": "Mutation"}
	for name, change := range map[string]func(input map[string]any) any{
		"minimizeComment": func(in map[string]any) any {
			return e.minimize(in["subjectId"], fmt.Sprint(in["classifier"]), "minimizedComment")
		},
		"unminimizeComment":     func(in map[string]any) any { return e.minimize(in["subjectId"], "", "unminimizedComment") },
		"resolveReviewThread":   func(in map[string]any) any { return e.resolveThread(in["threadId"], e.by.login) },
		"unresolveReviewThread": func(in map[string]any) any { return e.resolveThread(in["threadId"], "") },
		"deleteIssueComment":    func(in map[string]any) any { return e.viaREST((*Server).deleteIssueComment, "IC", in["id"], "", nil) },
		"deletePullRequestReviewComment": func(in map[string]any) any {
			return e.viaREST((*Server).deleteReviewComment, "PRRC", in["id"], "", nil)
		},
		"updateIssueComment": func(in map[string]any) any {
			return e.viaREST((*Server).updateIssueComment, "IC", in["id"], "issueComment", in["body"])
		},
		"updatePullRequestReviewComment": func(in map[string]any) any {
			return e.viaREST((*Server).updateReviewComment, "PRRC", in["pullRequestReviewCommentId"], "pullRequestReviewComment", in["body"])
		},
		"addPullRequestReviewThread": e.addReviewThread,
		"submitPullRequestReview":    e.submitPullRequestReview,
	} {
		root[name] = field(func(arguments map[string]any) any {
			input, _ := arguments["input"].(map[string]any)
			if !e.by.write {
				return e.fail("FORBIDDEN", notAccessible)
			}
			return change(input)
		})
	}
	return root
}

// minimize hides a comment or a review for a reason, or shows it again for none.
func (e *execution) minimize(id any, classifier, payload string) any {
	reason := strings.ReplaceAll(strings.ToLower(classifier), "_", "-")
	for _, c := range e.issueComments {
		if nodeID("IC", c.id) == id {
			c.minimized = reason
		}
	}
	for _, c := range e.published(nil) {
		if nodeID("PRRC", c.id) == id {
			c.minimized = reason
		}
	}
	for _, r := range e.reviews {
		if nodeID("PRR", r.id) == id {
			r.minimized = reason
		}
	}
	o := e.node(id)
	if _, able := o["isMinimized"]; !able {
		return e.orNotFound(nil, id)
	}
	return object{"__typename": "MinimizeCommentPayload", "clientMutationId": nil, payload: o}
}

func (e *execution) resolveThread(id any, login string) any {
	if !e.mayResolve() {
		return e.fail("FORBIDDEN", notAccessible)
	}
	for _, t := range e.threads {
		if nodeID("PRRT", t.id) == id {
			t.resolvedBy = login
			return object{"__typename": "ResolveReviewThreadPayload", "clientMutationId": nil, "thread": e.threadObject(t)}
		}
	}
	return e.orNotFound(nil, id)
}

// viaREST has a mutation of a comment done by the handler of the same change in REST.
func (e *execution) viaREST(handle handler, prefix string, id any, payload string, body any) any {
	request := &http.Request{}
	request.SetPathValue("comment_id", strings.TrimPrefix(fmt.Sprint(id), prefix+"_"))
	content, err := json.Marshal(object{"body": body})
	if err != nil {
		return e.fail("UNPROCESSABLE", "%v", err)
	}
	switch status, answer := handle(e.Server, &call{Request: request, by: e.by, body: content}); {
	case status == http.StatusNotFound:
		return e.orNotFound(nil, id)
	case status >= http.StatusBadRequest:
		return e.fail("UNPROCESSABLE", "%v", answer.(map[string]any)["errors"])
	}
	return object{"__typename": "Payload", "clientMutationId": nil, payload: e.node(id)}
}

// addReviewThread adds to a pending review. Where the place is not in the diff, GitHub answers without an error and
// without a thread (https://github.com/dcdpr/jp/pull/857).
func (e *execution) addReviewThread(in map[string]any) any {
	text := func(name string) string { value, _ := in[name].(string); return value }
	d := draft{
		Path: text("path"), Body: text("body"), Line: integer(in["line"]), Side: text("side"), StartLine: integer(in["startLine"]),
		StartSide: text("startSide"), SubjectType: strings.ToLower(text("subjectType")),
	}
	r := e.pendingNode(in["pullRequestReviewId"])
	if r == nil {
		return e.orNotFound(nil, in["pullRequestReviewId"])
	}
	if problem := checkBody(d.Body); problem != nil {
		return e.fail("UNPROCESSABLE", "%s", problem.review)
	}
	payload := object{"__typename": "AddPullRequestReviewThreadPayload", "clientMutationId": nil, "thread": nil}
	if a, problem := e.anchor(r.commit, d); problem == nil {
		payload["thread"] = e.threadObject(e.addThread(r, a, d.Body))
	}
	return payload
}

func (e *execution) pendingNode(id any) *review {
	if r := e.pending(e.by.login); r != nil && nodeID("PRR", r.id) == id {
		return r
	}
	return nil
}

func (e *execution) submitPullRequestReview(in map[string]any) any {
	r := e.pendingNode(in["pullRequestReviewId"])
	if r == nil {
		return e.orNotFound(nil, in["pullRequestReviewId"])
	}
	body, _ := in["body"].(string)
	if text := e.submit(r, cmp.Or(body, r.body), fmt.Sprint(in["event"])); text != "" {
		return e.fail("UNPROCESSABLE", "%s", text)
	}
	return object{"__typename": "SubmitPullRequestReviewPayload", "clientMutationId": nil, "pullRequestReview": e.reviewObject(r)}
}
