package review

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// GitHub is a pull request on GitHub, and how to reach it. It is not safe for concurrent use.
type GitHub struct {
	// API and GraphQL are URLs: the values of GITHUB_API_URL and GITHUB_GRAPHQL_URL in a workflow.
	API, GraphQL      string
	Token             string
	Owner, Repository string
	Number            int
	// Head is the full id of the commit that was checked.
	Head string
	// Transport, Timeout, Now and Sleep are for tests. By default they are Go's own, and Timeout is requestTimeout, the
	// time for one request.
	Transport http.RoundTripper
	Timeout   time.Duration
	Now       func() time.Time
	Sleep     func(context.Context, time.Duration) error
	// elapsed is how much of reviewDeadline earlier calls have used.
	elapsed time.Duration
}

const (
	// reviewDeadline is how long all calls for one review may take together, with all waiting for limits and other runs.
	reviewDeadline = 2 * time.Minute
	// maxAttempts is the largest number of attempts of a call. A run that fails once in each of its steps needs fewer.
	maxAttempts = 8
	// retryDelay is the time between two attempts after a failure of GitHub or of the network.
	retryDelay = 5 * time.Second
	// draftLease is how long a run waits for the draft of another run to go. A draft that is still there afterwards counts
	// as abandoned. It is longer than requestTimeout, so that one slow request of the other run fits in.
	draftLease = 30 * time.Second
	// requestTimeout is how long one request may take.
	requestTimeout = 20 * time.Second
)

// ErrMoved is the error of Post if somebody has pushed since the check. The workflow runs again for the new commit.
var ErrMoved = errors.New("the pull request has a newer commit, and another run reviews that")

var (
	// errBusy means that another run of this program has a draft.
	errBusy = errors.New("another review is being written")
	// errChanged means that the state of the pull request is no longer the one that the plan was made from.
	errChanged = errors.New("another review was written meanwhile")
	// errOtherDraft means that a person has a draft with the user of the token.
	errOtherDraft = errors.New("there is a draft of a review by the same user, " +
		"and GitHub allows one: submit or discard it")
	// errFile means that GitHub has refused a comment on a file.
	errFile = errors.New("GitHub does not take a comment on a file")
	// errForbidden means that the token lacks a permission.
	errForbidden = errors.New("the token may not write reviews: " +
		"the workflow needs the permission pull-requests: write, which it does not get for forks")
)

// poster writes one review. Two problems shape it:
//
//   - A request can fail although GitHub has carried it out. So a poster never repeats a request. It begins a new
//     attempt, which fetches the state, finds what has arrived, and writes only what is missing.
//   - Two runs can review the same pull request at the same time, and both could write the same comment. GitHub allows
//     a user one draft of a review on a pull request. So the draft is the lock: the run that creates the draft may
//     create comments. Others do not see the draft until it is submitted. A run that finds the draft of another run
//     waits. If the draft is still there after draftLease, it counts as abandoned and is deleted.
type poster struct {
	*GitHub
	client *github.Client
	input  Input
	// draft is the id of the draft that this run has created; empty if it has none.
	draft string
	// staleDraft is the id of the draft of another run, from the last attempt. If the next attempt finds it again, the
	// other run counts as dead.
	staleDraft string
}

// Post writes the review on GitHub, and returns the last plan, which is then carried out. It takes at most
// reviewDeadline, together with earlier calls. The error is ErrMoved if the pull request has a newer commit, and the
// error of the context if that ends. Any other error says, for people, why there is no review; it does not hold the
// token. After an error the review may be there in part, and the next run completes it.
func (g *GitHub) Post(ctx context.Context, in Input) (*Plan, error) {
	p, err := g.poster()
	if err != nil {
		return nil, err
	}
	p.input = in
	defer p.discard(context.WithoutCancel(ctx))
	var plan *Plan
	err = p.retry(ctx, func() error {
		var err error
		plan, err = p.attempt(ctx)
		return err
	})
	return plan, err
}

// retry calls do until it succeeds, until it fails with a final error (classifyError), or until the attempts or the
// time are used up. It never begins to wait if the wait would end after the deadline. Errors are returned without the
// token.
func (p *poster) retry(ctx context.Context, do func() error) error {
	start := p.Now()
	until := start.Add(reviewDeadline - p.elapsed)
	defer func() { p.elapsed += p.Now().Sub(start) }()
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil {
			return nil
		}
		wait, final := p.classifyError(err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case final != nil:
			return p.redact(final)
		case attempt == maxAttempts || p.Now().Add(wait).After(until):
			return p.redact(err)
		}
		if err := p.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// MergeBase asks GitHub for the merge base of two commits, by their full ids. It is for clones that lack the history.
// It shares reviewDeadline with Post.
func (g *GitHub) MergeBase(ctx context.Context, base, head string) (string, error) {
	p, err := g.poster()
	if err != nil {
		return "", err
	}
	var compared *github.CommitsComparison
	err = p.retry(ctx, func() error {
		var err error
		onePage := &github.ListOptions{PerPage: 1} // The answer also lists the commits, which nobody needs.
		compared, _, err = p.client.Repositories.CompareCommits(ctx, p.Owner, p.Repository, base, head, onePage)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("asking GitHub for the merge base: %w", err)
	}
	return compared.GetMergeBaseCommit().GetSHA(), nil
}

// poster returns a poster without an input, and fills in the defaults of g. The error names the variable with a wrong
// URL.
func (g *GitHub) poster() (*poster, error) {
	if g.Transport == nil {
		g.Transport = http.DefaultTransport
	}
	if g.Timeout == 0 {
		g.Timeout = requestTimeout
	}
	if g.Now == nil {
		g.Now = time.Now
	}
	if g.Sleep == nil {
		g.Sleep = sleep
	}
	api, err := url.Parse(strings.TrimSuffix(g.API, "/") + "/")
	if err != nil {
		return nil, fmt.Errorf("GITHUB_API_URL: %w", err)
	}
	graphQL, err := url.Parse(g.GraphQL)
	if err != nil {
		return nil, fmt.Errorf("GITHUB_GRAPHQL_URL: %w", err)
	}
	client := github.NewClient(&http.Client{
		Transport: &transport{g.Transport, g.Token, []string{origin(api), origin(graphQL)}},
		Timeout:   g.Timeout,
	})
	client.BaseURL = api
	return &poster{GitHub: g, client: client}, nil
}

// sleep waits for a duration, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// classifyError says how long to wait before the next attempt, or with which error to end. Before the next attempt it
// also leaves out what GitHub refuses: first comments on files, then comments on lines, whose findings move to the
// summary.
func (p *poster) classifyError(err error) (time.Duration, error) {
	var limited *limitError
	var answer *github.ErrorResponse
	switch {
	case errors.As(err, &limited):
		return limited.wait, nil
	case errors.Is(err, ErrMoved), errors.Is(err, errOtherDraft), errors.Is(err, errForbidden):
		return 0, err
	case errors.Is(err, errChanged):
		return 0, nil
	case errors.Is(err, errBusy):
		return draftLease, nil
	case errors.Is(err, errFile) && !p.input.NoFileComments:
		p.input.NoFileComments = true
		return 0, nil
	case !errors.As(err, &answer) || answer.Response.StatusCode >= http.StatusInternalServerError:
		return retryDelay, nil // The network failed, or GitHub did.
	case answer.Response.StatusCode != http.StatusUnprocessableEntity:
		if answer.Response.StatusCode == http.StatusForbidden {
			err = errForbidden
		}
		return 0, err
	case strings.Contains(fmt.Sprint(answer.Errors), "pending review"):
		return 0, nil // Another run has created its draft. The next attempt finds it.
	case strings.Contains(fmt.Sprint(answer.Errors), "submitted too quickly"):
		return unknownWait, nil // This is a rate limit, with another status.
	case p.input.Files == nil:
		return 0, err
	}
	p.input.Files = nil // GitHub does not say which comment it refuses, so no comment is tried again.
	return 0, nil
}

// attempt fetches the state, makes a plan, and carries it out.
func (p *poster) attempt(ctx context.Context) (*Plan, error) {
	state, err := p.fetchState(ctx)
	if err != nil {
		return nil, err
	}
	plan := New(p.input, state.State)
	if err := p.clearStaleDraft(ctx, state.draft, plan.creates()); err != nil {
		return nil, err
	}
	if plan.creates() {
		if err := p.create(ctx, plan); err != nil {
			return nil, err
		}
	}
	return plan, p.updateAndRemove(ctx, plan)
}

// clearStaleDraft deletes the draft that the state shows, so that a new one can be created. The draft of an earlier
// attempt of this run is always deleted. The draft of another run is deleted only if this run needs a draft, and not
// before it was there in two attempts: until then the error is errBusy, which makes retry wait for draftLease. The
// draft of a person stays, and the error is errOtherDraft.
func (p *poster) clearStaleDraft(ctx context.Context, draft *draft, needed bool) error {
	switch {
	case draft == nil:
		p.draft = ""
		return nil
	case draft.id != p.draft && !needed:
		return nil
	case !draft.fromPullcheck:
		return errOtherDraft
	case draft.id != p.draft && draft.id != p.staleDraft:
		p.staleDraft = draft.id
		return errBusy
	}
	return p.deleteDraft(ctx, draft.number)
}

// create writes everything that would be there twice if two runs wrote it: the review with its comments, and the
// summary. It first creates the draft, which is the lock, and then plans again. If the plan has changed, another run
// wrote something before the lock was held, and the error is errChanged.
func (p *poster) create(ctx context.Context, plan *Plan) error {
	review, _, err := p.client.PullRequests.CreateReview(ctx, p.Owner, p.Repository, p.Number, p.request(plan))
	if err != nil {
		return err
	}
	p.draft = review.GetNodeID()
	state, err := p.fetchState(ctx)
	if err != nil {
		return err
	}
	if replanned := New(p.input, state.State); !reflect.DeepEqual(replanned, plan) {
		return errChanged // The next attempt deletes the draft.
	}
	for _, c := range plan.Create {
		if c.Line == 0 {
			if err := p.addFileComment(ctx, c); err != nil {
				return err
			}
		}
	}
	if plan.Summary.Action == Create {
		comment := &github.IssueComment{Body: &plan.Summary.Body}
		if _, _, err := p.client.Issues.CreateComment(ctx, p.Owner, p.Repository, p.Number, comment); err != nil {
			return err
		}
	}
	if len(plan.Create) == 0 && !plan.Block {
		return p.deleteDraft(ctx, review.GetID()) // It was only the lock for the summary.
	}
	return p.submit(ctx, review.GetID(), plan.Block)
}

// submit publishes the draft.
func (p *poster) submit(ctx context.Context, id int64, block bool) error {
	event := "COMMENT"
	if block {
		event = "REQUEST_CHANGES"
	}
	request := &github.PullRequestReviewRequest{Event: &event}
	_, response, err := p.client.PullRequests.SubmitReview(ctx, p.Owner, p.Repository, p.Number, id, request)
	if err != nil && response != nil && response.StatusCode == http.StatusNotFound {
		return errChanged // Another run has deleted the draft, because it had not changed for too long.
	}
	if err == nil {
		p.draft = ""
	}
	return err
}

// request returns the request that creates the draft with the comments on lines. A review without an event is a draft.
func (p *poster) request(plan *Plan) *github.PullRequestReviewRequest {
	request := &github.PullRequestReviewRequest{CommitID: &p.Head, Body: &plan.Body}
	for _, c := range plan.Create {
		if c.Line == 0 {
			continue
		}
		comment := &github.DraftReviewComment{Path: &c.Path, Line: &c.Line, Side: github.String("RIGHT"), Body: &c.Body}
		if c.StartLine > 0 {
			comment.StartLine, comment.StartSide = &c.StartLine, comment.Side
		}
		request.Comments = append(request.Comments, comment)
	}
	return request
}

// updateAndRemove edits the summary, deletes and minimizes comments, and dismisses reviews. It needs no lock: if two
// runs do the same, the result is the same.
func (p *poster) updateAndRemove(ctx context.Context, plan *Plan) error {
	if plan.Summary.Action == Update {
		input := map[string]any{"id": plan.Summary.ID, "body": plan.Summary.Body}
		if err := p.mutate(ctx, "updateIssueComment", "UpdateIssueCommentInput", input); err != nil {
			return err
		}
	}
	for _, id := range plan.Surplus {
		if err := p.mutate(ctx, "deleteIssueComment", "DeleteIssueCommentInput", map[string]any{"id": id}); err != nil {
			return err
		}
	}
	for _, t := range plan.Delete {
		input := map[string]any{"id": t.ID}
		err := p.mutate(ctx, "deletePullRequestReviewComment", "DeletePullRequestReviewCommentInput", input)
		if err != nil {
			return err
		}
	}
	for _, t := range plan.Minimize {
		input := map[string]any{"subjectId": t.ID, "classifier": "OUTDATED"}
		if err := p.mutate(ctx, "minimizeComment", "MinimizeCommentInput", input); err != nil {
			return err
		}
	}
	for _, id := range plan.Dismiss {
		message := &github.PullRequestReviewDismissalRequest{Message: github.String("pullcheck: what it asked for is done.")}
		if _, _, err := p.client.PullRequests.DismissReview(ctx, p.Owner, p.Repository, p.Number, id, message); err != nil {
			return err
		}
	}
	return nil
}

// deleteDraft deletes a draft by its REST id. The error is errChanged if another run has deleted or submitted the
// draft.
func (p *poster) deleteDraft(ctx context.Context, id int64) error {
	_, response, err := p.client.PullRequests.DeletePendingReview(ctx, p.Owner, p.Repository, p.Number, id)
	if response != nil {
		switch response.StatusCode {
		case http.StatusNotFound, http.StatusUnprocessableEntity:
			return errChanged
		}
	}
	if err == nil {
		p.draft, p.staleDraft = "", ""
	}
	return err
}

// discard deletes the draft of a run that ends without submitting it. If the request fails, the next run deletes the
// draft.
func (p *poster) discard(ctx context.Context) {
	if p.draft == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, retryDelay)
	defer cancel()
	if state, _ := p.fetchState(ctx); state != nil && state.draft != nil && state.draft.id == p.draft {
		_ = p.deleteDraft(ctx, state.draft.number)
	}
}
