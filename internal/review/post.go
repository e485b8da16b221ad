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

// GitHub is a pull request, and how to reach it.
type GitHub struct {
	// API, GraphQL are as GITHUB_API_URL and GITHUB_GRAPHQL_URL say.
	API, GraphQL      string
	Token             string
	Owner, Repository string
	Number            int
	// Head is the commit that was checked.
	Head string
	// Transport, Timeout, Now and Sleep are the standard ones if not set.
	Transport http.RoundTripper
	Timeout   time.Duration
	Now       func() time.Time
	Sleep     func(context.Context, time.Duration) error
	// spent is how long earlier calls took, whose waiting counts.
	spent time.Duration
}

const (
	// patience is how long a review waits in all, for limits and for other runs.
	patience = 2 * time.Minute
	// attempts are more than a run needs that fails once in each of its steps.
	attempts = 8
	// pause is how long to wait where GitHub fails.
	pause = 5 * time.Second
	// turn is how long another run may hold a draft without a sign: longer than one of its requests.
	turn = 30 * time.Second
	// requestTime is what one request may take.
	requestTime = 20 * time.Second
)

// ErrMoved is the error where the pull request has another head by now: a run for that one follows.
var ErrMoved = errors.New("the pull request has a newer commit, and another run reviews that")

var (
	errBusy      = errors.New("another review is being written")
	errChanged   = errors.New("another review was written meanwhile")
	errForeign   = errors.New("there is a draft of a review by the same user, and GitHub allows one: submit or discard it")
	errFile      = errors.New("GitHub does not take a comment on a file")
	errForbidden = errors.New("the token may not write reviews: the workflow needs the permission pull-requests: write, which it does not get for forks")
)

// poster makes GitHub have a review. It looks what is there, does what is missing, and begins again when something
// fails: what has arrived is then seen, and not repeated. Whatever two runs could both write is written while holding a draft of a
// review, which is visible to its author alone, and of which GitHub allows a user one.
type poster struct {
	*GitHub
	client  *github.Client
	subject Subject
	// draft is our own, stale one that stood unchanged when last looked.
	draft, stale string
}

// Post makes the pull request have the review of a subject, and returns the last plan, which then is fulfilled. The
// error is ErrMoved if the head is another one. In every other case but a canceled context it says in words for
// people why the review is not there.
func (g *GitHub) Post(ctx context.Context, subject Subject) (*Plan, error) {
	p, err := g.poster()
	if err != nil {
		return nil, err
	}
	p.subject = subject
	defer p.discard(context.WithoutCancel(ctx))
	var plan *Plan
	err = p.persist(ctx, func() error {
		var err error
		plan, err = p.pass(ctx)
		return err
	})
	return plan, err
}

// persist does something again until it succeeds, ends for good, or has taken too long.
func (p *poster) persist(ctx context.Context, do func() error) error {
	start := p.Now()
	until := start.Add(patience - p.spent)
	defer func() { p.spent += p.Now().Sub(start) }()
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil {
			return nil
		}
		wait, final := p.judge(err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case final != nil:
			return p.redact(final)
		case attempt == attempts || p.Now().Add(wait).After(until):
			return p.redact(err)
		}
		if err := p.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// MergeBase asks GitHub where two commits parted, for clones whose history does not reach there.
func (g *GitHub) MergeBase(ctx context.Context, base, head string) (string, error) {
	p, err := g.poster()
	if err != nil {
		return "", err
	}
	var compared *github.CommitsComparison
	err = p.persist(ctx, func() error {
		var err error
		// One commit a page: only the merge base is wanted.
		compared, _, err = p.client.Repositories.CompareCommits(ctx, p.Owner, p.Repository, base, head, &github.ListOptions{PerPage: 1})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("asking GitHub for the merge base: %w", err)
	}
	return compared.GetMergeBaseCommit().GetSHA(), nil
}

func (g *GitHub) poster() (*poster, error) {
	if g.Transport == nil {
		g.Transport = http.DefaultTransport
	}
	if g.Timeout == 0 {
		g.Timeout = requestTime
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

// judge says how long to wait before beginning again, or with which error to end.
func (p *poster) judge(err error) (time.Duration, error) {
	var limited *limitError
	var answer *github.ErrorResponse
	switch {
	case errors.As(err, &limited):
		return limited.wait, nil
	case errors.Is(err, ErrMoved), errors.Is(err, errForeign), errors.Is(err, errForbidden):
		return 0, err
	case errors.Is(err, errChanged):
		return 0, nil
	case errors.Is(err, errBusy):
		return turn, nil
	case errors.Is(err, errFile) && !p.subject.NoFileComments:
		p.subject.NoFileComments = true
		return 0, nil
	case !errors.As(err, &answer) || answer.Response.StatusCode >= http.StatusInternalServerError:
		return pause, nil // the network, or GitHub
	case answer.Response.StatusCode != http.StatusUnprocessableEntity:
		if answer.Response.StatusCode == http.StatusForbidden {
			err = errForbidden
		}
		return 0, err
	case strings.Contains(fmt.Sprint(answer.Errors), "pending review"):
		return 0, nil // The next pass sees it.
	case strings.Contains(fmt.Sprint(answer.Errors), "submitted too quickly"):
		return unknownWait, nil // a limit under another status
	case p.subject.Files == nil:
		return 0, err
	}
	// GitHub does not say which comment it does not take.
	p.subject.Files = nil
	return 0, nil
}

// pass looks what is there and does what is missing.
func (p *poster) pass(ctx context.Context) (*Plan, error) {
	seen, err := p.look(ctx)
	if err != nil {
		return nil, err
	}
	plan := New(p.subject, seen.State)
	if err := p.makeWay(ctx, seen.draft, plan.creates()); err != nil {
		return nil, err
	}
	if plan.creates() {
		if err := p.create(ctx, plan); err != nil {
			return nil, err
		}
	}
	return plan, p.tidy(ctx, plan)
}

// makeWay removes a draft of this program, that of another run only if a draft is needed. Another run may be writing it:
// then it is gone when looked at again.
func (p *poster) makeWay(ctx context.Context, draft *draft, needed bool) error {
	switch {
	case draft == nil:
		p.draft = ""
		return nil
	case draft.id != p.draft && !needed:
		return nil
	case !draft.ours:
		return errForeign
	case draft.id != p.draft && draft.id != p.stale:
		p.stale = draft.id
		return errBusy
	}
	return p.deleteDraft(ctx, draft.number)
}

// create writes what two runs could both write.
func (p *poster) create(ctx context.Context, plan *Plan) error {
	review, _, err := p.client.PullRequests.CreateReview(ctx, p.Owner, p.Repository, p.Number, p.request(plan))
	if err != nil {
		return err
	}
	p.draft = review.GetNodeID()
	// What another run has written until now is there by now, and nobody else writes until the draft is submitted or gone.
	seen, err := p.look(ctx)
	if err != nil {
		return err
	}
	if again := New(p.subject, seen.State); !reflect.DeepEqual(again, plan) {
		return errChanged // The next pass removes the draft.
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
		return p.deleteDraft(ctx, review.GetID()) // It was there to keep other runs away.
	}
	return p.submit(ctx, review.GetID(), plan.Block)
}

func (p *poster) submit(ctx context.Context, id int64, block bool) error {
	event := "COMMENT"
	if block {
		event = "REQUEST_CHANGES"
	}
	_, response, err := p.client.PullRequests.SubmitReview(ctx, p.Owner, p.Repository, p.Number, id, &github.PullRequestReviewRequest{Event: &event})
	if err != nil && response != nil && response.StatusCode == http.StatusNotFound {
		return errChanged // Another run took the draft for a stale one.
	}
	if err == nil {
		p.draft = ""
	}
	return err
}

// request is the draft with the comments on lines: without an event, GitHub keeps it to its author.
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

// tidy removes and edits, which two runs may both do.
func (p *poster) tidy(ctx context.Context, plan *Plan) error {
	if plan.Summary.Action == Update {
		if err := p.mutate(ctx, "updateIssueComment", "UpdateIssueCommentInput", map[string]any{"id": plan.Summary.ID, "body": plan.Summary.Body}); err != nil {
			return err
		}
	}
	for _, id := range plan.Surplus {
		if err := p.mutate(ctx, "deleteIssueComment", "DeleteIssueCommentInput", map[string]any{"id": id}); err != nil {
			return err
		}
	}
	for _, t := range plan.Delete {
		if err := p.mutate(ctx, "deletePullRequestReviewComment", "DeletePullRequestReviewCommentInput", map[string]any{"id": t.ID}); err != nil {
			return err
		}
	}
	for _, t := range plan.Minimize {
		if err := p.mutate(ctx, "minimizeComment", "MinimizeCommentInput", map[string]any{"subjectId": t.ID, "classifier": "OUTDATED"}); err != nil {
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

func (p *poster) deleteDraft(ctx context.Context, id int64) error {
	_, response, err := p.client.PullRequests.DeletePendingReview(ctx, p.Owner, p.Repository, p.Number, id)
	if response != nil && (response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusUnprocessableEntity) {
		return errChanged // It is gone, or submitted: another run did that.
	}
	if err == nil {
		p.draft, p.stale = "", ""
	}
	return err
}

// discard removes the draft of a run that ends without submitting it. Where that fails, the next run does.
func (p *poster) discard(ctx context.Context) {
	if p.draft == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	if seen, _ := p.look(ctx); seen != nil && seen.draft != nil && seen.draft.id == p.draft {
		_ = p.deleteDraft(ctx, seen.draft.number)
	}
}
