package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// stateQuery asks for the threads, comments and reviews of a pull request. Of a thread it asks only for the first
// comment and for the number of comments: the first has the marker, and a number above 1 means that somebody has
// replied.
const stateQuery = `query($owner: String!, $name: String!, $number: Int!, $threads: String, $comments: String) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      headRefOid
      reviewThreads(first: 100, after: $threads) {
        pageInfo { hasNextPage endCursor }
        nodes {
          isResolved
          comments(first: 1) {
            totalCount
            nodes { id body state isMinimized minimizedReason author { login __typename } }
          }
        }
      }
      comments(first: 100, after: $comments) {
        pageInfo { hasNextPage endCursor }
        nodes { id body author { login __typename } }
      }
      reviews(last: 100, states: [PENDING, CHANGES_REQUESTED]) {
        nodes { id fullDatabaseId state body author { login __typename } }
      }
    }
  }
}`

// author is the author of a comment, or the viewer, who is the user of the token.
type author struct {
	Login    string `json:"login"`
	Typename string `json:"__typename"`
}

// is reports whether the author is the viewer. GitHub writes the login of a bot in two ways: "github-actions" for the
// author of a comment, and "github-actions[bot]" for the viewer.
func (a author) is(viewer string) bool {
	if a.Typename == "Bot" {
		return a.Login+"[bot]" == viewer || a.Login == viewer
	}
	return a.Login == viewer
}

// authoredComment is a comment or a review. Each query asks for some of the fields.
type authoredComment struct {
	ID          string `json:"id"`
	DatabaseID  string `json:"fullDatabaseId"`
	Body        string `json:"body"`
	State       string `json:"state"`
	IsMinimized bool   `json:"isMinimized"`
	Reason      string `json:"minimizedReason"`
	Author      author `json:"author"`
}

// pageInfo says whether a list has a further page, and where it begins.
type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

// stateAnswer is the answer to stateQuery.
type stateAnswer struct {
	Viewer     author `json:"viewer"`
	Repository struct {
		PullRequest struct {
			HeadRefOid    string `json:"headRefOid"`
			ReviewThreads struct {
				PageInfo pageInfo `json:"pageInfo"`
				Nodes    []struct {
					IsResolved bool `json:"isResolved"`
					Comments   struct {
						TotalCount int               `json:"totalCount"`
						Nodes      []authoredComment `json:"nodes"`
					} `json:"comments"`
				} `json:"nodes"`
			} `json:"reviewThreads"`
			Comments struct {
				PageInfo pageInfo          `json:"pageInfo"`
				Nodes    []authoredComment `json:"nodes"`
			} `json:"comments"`
			Reviews struct {
				Nodes []authoredComment `json:"nodes"`
			} `json:"reviews"`
		} `json:"pullRequest"`
	} `json:"repository"`
}

// fetchedState is the state of a pull request with the draft of the user, if there is one.
type fetchedState struct {
	State
	draft *draft
}

// draft is a review that is not submitted yet. GitHub calls it pending. Only its author sees it.
type draft struct {
	id            string // the GraphQL node id
	number        int64  // the REST id
	fromPullcheck bool   // Otherwise a person has begun it with the same user.
}

// fetchState fetches everything that the user of the token has written with this program on the pull request. The
// error is ErrMoved if the head of the pull request is another commit than the checked one. Then the state is returned
// as well, with its reviews only.
func (p *poster) fetchState(ctx context.Context) (*fetchedState, error) {
	s := &fetchedState{}
	variables := map[string]any{"owner": p.Owner, "name": p.Repository, "number": p.Number}
	for first := true; ; first = false {
		var answer stateAnswer
		if err := p.query(ctx, stateQuery, variables, &answer); err != nil {
			return nil, err
		}
		pull := answer.Repository.PullRequest
		if first {
			if err := s.readReviews(pull.Reviews.Nodes, answer.Viewer.Login); err != nil {
				return nil, err
			}
			if pull.HeadRefOid != p.Head {
				return s, ErrMoved
			}
		}
		s.readPage(&answer)
		if !pull.ReviewThreads.PageInfo.HasNextPage && !pull.Comments.PageInfo.HasNextPage {
			return s, nil
		}
		variables["threads"] = pull.ReviewThreads.PageInfo.after(variables["threads"])
		variables["comments"] = pull.Comments.PageInfo.after(variables["comments"])
	}
}

// after returns the cursor after which the next page begins. One query pages through two lists, and one list may end
// before the other: after its last cursor GitHub returns no more items. An empty list has no cursor, so it keeps the
// previous one.
func (i pageInfo) after(previous any) any {
	if i.EndCursor == "" {
		return previous
	}
	return i.EndCursor
}

// readPage adds the threads and the summaries on one page of the answer.
func (s *fetchedState) readPage(answer *stateAnswer) {
	viewer, pull := answer.Viewer.Login, &answer.Repository.PullRequest
	for _, thread := range pull.ReviewThreads.Nodes {
		for _, first := range thread.Comments.Nodes {
			mark := markOf(first.Body)
			if mark == "" || first.State == "PENDING" || !first.Author.is(viewer) {
				continue
			}
			s.Threads = append(s.Threads, Thread{
				ID: first.ID, Fingerprint: mark, Replied: thread.Comments.TotalCount > 1, Resolved: thread.IsResolved,
				// If somebody has hidden the comment for another reason, they have seen it, and it is not repeated.
				Minimized: first.IsMinimized && strings.EqualFold(first.Reason, "outdated"),
			})
		}
	}
	for _, c := range pull.Comments.Nodes {
		if markOf(c.Body) == summaryMark && c.Author.is(viewer) {
			s.Summaries = append(s.Summaries, Note{c.ID, c.Body})
		}
	}
}

// readReviews finds the draft of the viewer, and the reviews of this program that request changes.
func (s *fetchedState) readReviews(reviews []authoredComment, viewer string) error {
	for _, r := range reviews {
		fromPullcheck := markOf(r.Body) == reviewMark
		if !r.Author.is(viewer) || !fromPullcheck && r.State != "PENDING" {
			continue
		}
		number, err := strconv.ParseInt(r.DatabaseID, 10, 64)
		if err != nil {
			return fmt.Errorf("GitHub gives a review the number %q", r.DatabaseID)
		}
		switch r.State {
		case "PENDING":
			s.draft = &draft{r.ID, number, fromPullcheck}
		case "CHANGES_REQUESTED":
			s.Blocking = append(s.Blocking, number)
		}
	}
	return nil
}

// graphQLError is an error of GitHub's GraphQL API, which answers with the status 200 nevertheless.
type graphQLError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func (e *graphQLError) Error() string { return "GitHub: " + e.Message }

// query sends a query or mutation to GitHub's GraphQL API, and decodes the data of the answer into data. The error is a
// *graphQLError, errForbidden, a *limitError, or an error of the request.
func (p *poster) query(ctx context.Context, query string, variables map[string]any, data any) error {
	request, err := p.client.NewRequest(http.MethodPost, p.GraphQL, map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []*graphQLError `json:"errors"`
	}
	if _, err := p.client.Do(ctx, request, &answer); err != nil {
		return err
	}
	if len(answer.Errors) == 0 {
		return json.Unmarshal(answer.Data, data)
	}
	first := answer.Errors[0]
	switch {
	case first.Type == "FORBIDDEN" || first.Type == "INSUFFICIENT_SCOPES":
		return errForbidden
	case strings.HasPrefix(first.Type, "RATE_LIMIT"), strings.Contains(first.Message, "rate limit"):
		return &limitError{unknownWait}
	}
	return first
}

// mutate sends a mutation and ignores its result. It is no error if the comment is already gone, because another run
// may have deleted it.
func (p *poster) mutate(ctx context.Context, name, inputType string, input map[string]any) error {
	query := fmt.Sprintf("mutation($input: %s!) { %s(input: $input) { clientMutationId } }", inputType, name)
	var none struct{}
	err := p.query(ctx, query, map[string]any{"input": input}, &none)
	if e := (*graphQLError)(nil); errors.As(err, &e) && e.Type == "NOT_FOUND" {
		return nil
	}
	return err
}

// addFileComment adds a comment on a file to the draft. REST has no request for it. If GitHub does not accept the
// comment, it answers with a thread of null and no error: that is errFile.
func (p *poster) addFileComment(ctx context.Context, c Comment) error {
	const query = `mutation($input: AddPullRequestReviewThreadInput!) {
  addPullRequestReviewThread(input: $input) { thread { id } }
}`
	var data struct {
		Added struct {
			Thread *struct{ ID string } `json:"thread"`
		} `json:"addPullRequestReviewThread"`
	}
	input := map[string]any{"pullRequestReviewId": p.draft, "path": c.Path, "body": c.Body, "subjectType": "FILE"}
	err := p.query(ctx, query, map[string]any{"input": input}, &data)
	e := (*graphQLError)(nil)
	switch {
	case errors.As(err, &e) && e.Type == "NOT_FOUND":
		return errChanged // Another run has deleted the draft, because it had not changed for too long.
	case errors.As(err, &e) && e.Type == "UNPROCESSABLE", err == nil && data.Added.Thread == nil:
		return errFile
	}
	return err
}

// redact removes the token from the text of an error. A server could have sent it back in its answer.
func (g *GitHub) redact(err error) error {
	if err == nil || g.Token == "" || !strings.Contains(err.Error(), g.Token) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), g.Token, "***"))
}
