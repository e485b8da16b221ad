package scan

import (
	"context"
	"fmt"
	"sync"

	"github.com/pullcheck/pullcheck/internal/fetch"
	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// OnlyNamed returns the configuration with one more rule: only what the base of a change names already is downloaded.
// It is for changes whose author cannot be trusted, and who could otherwise choose which servers are asked, and for what.
//
// The base names what its sources that the change can affect, and its sources that may declare others, ask for when they
// are rendered: a chart with its repository, and with its version or constraint; a repository with its URL and ref; a
// file with its URL. The texts must be the same. So a change cannot turn a repository to another ref, such as a commit of
// a fork, which servers also give under the URL of the parent.
//
// OnlyNamed renders these sources, at most jobs at a time. The error says that the base cannot be read.
func (c Config) OnlyNamed(ctx context.Context, baseline *Baseline, jobs int) (Config, error) {
	n := &named{items: map[string]bool{}}
	config := c
	config.Tree, config.Network.Permit = baseline.Base, n.record
	base := New(config)
	base.prefix = "named by the base: "
	sources, err := base.Sources(ctx)
	if err != nil {
		return c, err
	}
	// A source that cannot be rendered has asked nevertheless.
	nothing := func(context.Context, int, *render.Result) (struct{}, error) { return struct{}{}, nil }
	options := render.AllOptions{Jobs: jobs, Prefix: base.prefix}
	render.All(ctx, base.tree, baseline.affected(base.tree, sources), options, nothing)
	c.Network.Permit = n.permit
	return c, nil
}

// named are the items for download that the base of a change names. It is safe for concurrent use.
type named struct {
	mutex sync.Mutex
	items map[string]bool
}

// record is the rule for the base: everything is permitted.
func (n *named) record(_ context.Context, item string) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.items[item] = true
	return nil
}

// permit is the rule for the change.
func (n *named) permit(_ context.Context, item string) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.items[item] {
		return nil
	}
	return &yamldoc.Error{
		Err: fmt.Errorf("the base does not name the %s, and for this change only what the base names is downloaded",
			fetch.Redact(item)),
		Hint: "who trusts the author can let the workflow say fetch-new: true, or run: pullcheck check",
	}
}
