package githubtest

import (
	"fmt"
	"slices"
	"strings"
)

// This file has the simulated fields of GitHub's GraphQL schema, by type.

// The prefixes of the node identifiers of comments say the kind of the comment: IC_1001 is an issue comment.
const (
	anyComment   = ""
	issueComment = "IC"
	onDiff       = "PRRC" // review comment
)

func (e *execution) query() object {
	return object{
		// The viewer of a bot's token is a user, whose login has the suffix "[bot]". Compare author.
		"viewer": object{"login": e.by.login},
		"repository": field(func(arguments map[string]any) any {
			if owner, name := arguments["owner"], arguments["name"]; owner != Owner || name != Repository {
				return e.fail("NOT_FOUND", "Could not resolve to a Repository with the name '%v/%v'.", owner, name)
			}
			return object{"pullRequest": field(e.pullRequest)}
		}),
	}
}

func (e *execution) pullRequest(arguments map[string]any) any {
	if integer(arguments["number"]) != Number || e.pull.head == "" {
		return e.fail("NOT_FOUND", "Could not resolve to a PullRequest with the number of %v.", arguments["number"])
	}
	var threads []*thread
	for _, t := range e.pull.threads {
		if t.comments[0].review.visible(e.by.login) {
			threads = append(threads, t)
		}
	}
	return object{
		"headRefOid":    e.pull.head,
		"reviewThreads": connection(e, "reviewThreads", threads, e.thread),
		"comments":      connection(e, "comments", e.pull.issueComments, e.issueComment),
		"reviews":       field(e.reviews),
	}
}

func (e *execution) reviews(arguments map[string]any) any {
	states, filtered := arguments["states"].([]any)
	var reviews []*review
	for _, r := range e.pull.reviews {
		if r.visible(e.by.login) && (!filtered || slices.Contains(states, any(r.state))) {
			reviews = append(reviews, r)
		}
	}
	return connection(e, "reviews", reviews, e.review)(arguments)
}

// author returns the author of a comment, a bot or a user. The login of a bot has no "[bot]" here, unlike the login
// of the viewer.
func (e *execution) author(login string) object {
	if name, bot := strings.CutSuffix(login, "[bot]"); bot {
		return object{"__typename": "Bot", "login": name}
	}
	return object{"__typename": "User", "login": login}
}

func (e *execution) thread(t *thread) object {
	return object{
		"id": nodeID("PRRT", t.comments[0].id), "isResolved": t.resolved,
		"comments": connection(e, "comments", t.comments, e.reviewComment),
	}
}

func (e *execution) reviewComment(c *reviewComment) object {
	state := "SUBMITTED"
	if c.review.state == pending {
		state = pending
	}
	var reason any // null where the comment is shown
	if c.minimized != "" {
		reason = c.minimized
	}
	return object{
		"id": nodeID(onDiff, c.id), "body": c.body, "author": e.author(c.author), "state": state,
		"isMinimized": c.minimized != "", "minimizedReason": reason,
	}
}

func (e *execution) issueComment(c *comment) object {
	return object{"id": nodeID(issueComment, c.id), "body": c.body, "author": e.author(c.author)}
}

func (e *execution) review(r *review) object {
	return object{
		"id": nodeID("PRR", r.id), "fullDatabaseId": fmt.Sprint(r.id), "body": r.body,
		"author": e.author(r.author), "state": r.state,
	}
}

// mutation returns the mutations. All of them have the argument input, and need the permission to write.
func (e *execution) mutation() object {
	remove := func(_ *comment, remove func()) error {
		remove()
		return nil
	}
	root := object{}
	for name, change := range map[string]func(input map[string]any) any{
		"addPullRequestReviewThread": e.addFileComment,
		"minimizeComment": func(input map[string]any) any {
			return e.change(anyComment, input["subjectId"], func(c *comment, _ func()) error {
				c.minimize(fmt.Sprint(input["classifier"]))
				return nil
			})
		},
		"updateIssueComment": func(input map[string]any) any {
			edit := func(c *comment, _ func()) error { return c.edit(fmt.Sprint(input["body"])) }
			return e.change(issueComment, input["id"], edit)
		},
		"deleteIssueComment": func(input map[string]any) any {
			return e.change(issueComment, input["id"], remove)
		},
		"deletePullRequestReviewComment": func(input map[string]any) any {
			return e.change(onDiff, input["id"], remove)
		},
	} {
		root[name] = field(func(arguments map[string]any) any {
			input, _ := arguments["input"].(map[string]any) // the schema demands it
			if !e.by.write {
				return e.fail("FORBIDDEN", notAccessible)
			}
			return change(input)
		})
	}
	return root
}

// change changes the comment with a node identifier. The comment must be of the kind that the mutation is for. do
// gets the comment, and a function that deletes it.
func (e *execution) change(kind string, id any, do func(c *comment, remove func()) error) any {
	c, remove := e.comment(id)
	if c == nil || !strings.HasPrefix(fmt.Sprint(id), kind) {
		return e.notFound(id)
	}
	if err := do(c, remove); err != nil {
		return e.fail("UNPROCESSABLE", "%v", err)
	}
	return object{"clientMutationId": nil}
}

// comment returns the published comment with a node identifier, and a function that deletes it; nil if there is
// none.
func (e *execution) comment(id any) (c *comment, remove func()) {
	p := e.pull
	for _, c := range p.issueComments {
		if nodeID(issueComment, c.id) == id {
			return c, func() {
				p.issueComments = slices.DeleteFunc(p.issueComments, func(other *comment) bool { return other == c })
			}
		}
	}
	for _, c := range p.published() {
		if nodeID(onDiff, c.id) == id {
			return &c.comment, func() { p.removeComments(func(other *reviewComment) bool { return other == c }) }
		}
	}
	return nil, nil
}

func (e *execution) notFound(id any) any {
	return e.fail("NOT_FOUND", "Could not resolve to a node with the global id of '%v'.", id)
}

// addFileComment adds a comment on a file to the pending review of the viewer. If GitHub does not accept the place
// of the comment, its answer has no error and no thread (https://github.com/dcdpr/jp/pull/857).
func (e *execution) addFileComment(input map[string]any) any {
	if input["subjectType"] != "FILE" {
		e.tb.Errorf("githubtest: comments on lines over GraphQL are not simulated")
	}
	r := e.pull.pending(e.by.login)
	if id := input["pullRequestReviewId"]; r == nil || nodeID("PRR", r.id) != id {
		return e.notFound(id)
	}
	body := fmt.Sprint(input["body"])
	if err := checkBody(body); err != nil {
		return e.fail("UNPROCESSABLE", "%v", err)
	}
	a, err := e.pull.anchor(r.commit, DraftComment{Path: fmt.Sprint(input["path"]), SubjectType: onFile})
	if err != nil {
		return object{"thread": nil}
	}
	return object{"thread": e.thread(e.pull.addThread(r, a, body))}
}
