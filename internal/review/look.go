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

// lookQuery has what stands on a pull request. Of a thread the first comment and the number of the others say enough.
const lookQuery = `query($owner: String!, $name: String!, $number: Int!, $threads: String, $comments: String) {
  viewer { login }
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      headRefOid
      reviewThreads(first: 100, after: $threads) {
        pageInfo { hasNextPage endCursor }
        nodes { isResolved comments(first: 1) { totalCount nodes { id body state isMinimized minimizedReason author { login __typename } } } }
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

type author struct {
	Login    string `json:"login"`
	Typename string `json:"__typename"`
}

// is reports whether an author is the viewer: as that, a bot has the "[bot]" that its login as an author lacks.
func (a author) is(viewer string) bool {
	if a.Typename == "Bot" {
		return a.Login+"[bot]" == viewer || a.Login == viewer
	}
	return a.Login == viewer
}

type written struct {
	ID          string `json:"id"`
	DatabaseID  string `json:"fullDatabaseId"`
	Body        string `json:"body"`
	State       string `json:"state"`
	IsMinimized bool   `json:"isMinimized"`
	Reason      string `json:"minimizedReason"`
	Author      author `json:"author"`
}

type pageInfo struct {
	HasNextPage bool   `json:"hasNextPage"`
	EndCursor   string `json:"endCursor"`
}

type lookAnswer struct {
	Viewer     author `json:"viewer"`
	Repository struct {
		PullRequest struct {
			HeadRefOid    string `json:"headRefOid"`
			ReviewThreads struct {
				PageInfo pageInfo `json:"pageInfo"`
				Nodes    []struct {
					IsResolved bool `json:"isResolved"`
					Comments   struct {
						TotalCount int       `json:"totalCount"`
						Nodes      []written `json:"nodes"`
					} `json:"comments"`
				} `json:"nodes"`
			} `json:"reviewThreads"`
			Comments struct {
				PageInfo pageInfo  `json:"pageInfo"`
				Nodes    []written `json:"nodes"`
			} `json:"comments"`
			Reviews struct {
				Nodes []written `json:"nodes"`
			} `json:"reviews"`
		} `json:"pullRequest"`
	} `json:"repository"`
}

// seen is what stands on the pull request.
type seen struct {
	State
	draft *draft // of this user
}

// draft is a review that is not submitted.
type draft struct {
	id     string
	number int64
	ours   bool
}

// look reads what this identity has written. The error is ErrMoved if the pull request has another head; what was seen
// is then returned, too.
func (p *poster) look(ctx context.Context) (*seen, error) {
	s := &seen{}
	variables := map[string]any{"owner": p.Owner, "name": p.Repository, "number": p.Number}
	for first := true; ; first = false {
		var answer lookAnswer
		if err := p.query(ctx, lookQuery, variables, &answer); err != nil {
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
		for _, thread := range pull.ReviewThreads.Nodes {
			for _, first := range thread.Comments.Nodes {
				if mark := markOf(first.Body); mark != "" && first.State != "PENDING" && first.Author.is(answer.Viewer.Login) {
					// For another reason people have hidden it, and it is as good as seen.
					outdated := first.IsMinimized && strings.EqualFold(first.Reason, "outdated")
					s.Threads = append(s.Threads, Thread{first.ID, mark, thread.Comments.TotalCount > 1, thread.IsResolved, outdated})
				}
			}
		}
		for _, c := range pull.Comments.Nodes {
			if markOf(c.Body) == summaryMark && c.Author.is(answer.Viewer.Login) {
				s.Summaries = append(s.Summaries, Note{c.ID, c.Body})
			}
		}
		if !pull.ReviewThreads.PageInfo.HasNextPage && !pull.Comments.PageInfo.HasNextPage {
			return s, nil
		}
		// The end cursor of a list that is done gives nothing more of it; an empty list has none.
		variables["threads"], variables["comments"] = pull.ReviewThreads.PageInfo.after(variables["threads"]), pull.Comments.PageInfo.after(variables["comments"])
	}
}

func (i pageInfo) after(last any) any {
	if i.EndCursor == "" {
		return last
	}
	return i.EndCursor
}

func (s *seen) readReviews(reviews []written, viewer string) error {
	for _, r := range reviews {
		ours := markOf(r.Body) == reviewMark
		if !r.Author.is(viewer) || !ours && r.State != "PENDING" {
			continue
		}
		number, err := strconv.ParseInt(r.DatabaseID, 10, 64)
		if err != nil {
			return fmt.Errorf("GitHub gives a review the number %q", r.DatabaseID)
		}
		switch r.State {
		case "PENDING":
			s.draft = &draft{r.ID, number, ours}
		case "CHANGES_REQUESTED":
			s.Blocking = append(s.Blocking, number)
		}
	}
	return nil
}

// graphQLError is an error in an answer with the status 200.
type graphQLError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

func (e *graphQLError) Error() string { return "GitHub: " + e.Message }

// query asks GitHub's GraphQL API.
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

// mutate does one thing whose result is not asked for. What is gone already needs nothing done.
func (p *poster) mutate(ctx context.Context, name, inputType string, input map[string]any) error {
	query := fmt.Sprintf("mutation($input: %s!) { %s(input: $input) { clientMutationId } }", inputType, name)
	var none struct{}
	err := p.query(ctx, query, map[string]any{"input": input}, &none)
	if e := (*graphQLError)(nil); errors.As(err, &e) && e.Type == "NOT_FOUND" {
		return nil
	}
	return err
}

// addFileComment adds a comment on a file to the draft, which REST cannot. Where GitHub does not take it, it answers
// without an error and without a thread.
func (p *poster) addFileComment(ctx context.Context, c Comment) error {
	const query = `mutation($input: AddPullRequestReviewThreadInput!) { addPullRequestReviewThread(input: $input) { thread { id } } }`
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
		return errChanged // Another run took the draft for a stale one.
	case errors.As(err, &e) && e.Type == "UNPROCESSABLE", err == nil && data.Added.Thread == nil:
		return errFile
	}
	return err
}

// redact takes the token out of an error's text, where some server has sent it back.
func (g *GitHub) redact(err error) error {
	if err == nil || g.Token == "" || !strings.Contains(err.Error(), g.Token) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), g.Token, "***"))
}
