// Package check finds the containers of rendered manifests that do not ask their registry before they start, and makes
// a report of them.
//
// A check has three steps. The caller does the second one, because only the second one needs files:
//
//  1. [Run] walks the objects of one source ([Containers]), computes the effective pull policy of each container as the
//     API server does ([Effective]), and returns a [Hit] for each container that breaks a rule ([Rules]).
//  2. The caller finds the line of a file that decides the policy, for example line 14 of values.yaml, and stores it
//     with [Hit.Decide]. Package render/origin can find the line.
//  3. [NewReport] groups the hits by rule and decision into findings: one line of values.yaml that decides for 14
//     containers makes one finding with 14 affected containers. Then it takes out the findings that an ignore comment
//     suppresses.
//
// Limits: only containers that the manifests show are checked. A container that a controller or an admission webhook
// adds in the cluster is not seen. A custom resource with a policy field of its own is checked if the table in
// customresources.go has a row for its kind. Pod templates need no row, wherever they are.
//
// The package does no I/O and has no state that changes. Its functions are safe for concurrent use on different values.
package check

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
)

// Hit is one container that breaks one rule.
type Hit struct {
	Rule *Rule
	// Manifest is the object. Field is the path in the object to the pull policy, and ImageField the path to the image;
	// nil if there is no image. They are the question "what decides this field?". Decide sets all three to nil.
	Manifest          *render.Manifest
	Field, ImageField yamldoc.Path
	// Decision is the location whose edit changes the policy, if Exact is true. If Exact is false, it is the line that
	// writes the policy, or only the file that the object came from. Via are the locations between the decision and the
	// manifest, in order: for values.yaml:14, the line of the template that reads the value.
	Decision yamldoc.Location
	Via      []yamldoc.Location
	Exact    bool
	// Ref names the container across renders.
	Ref      ContainerRef
	Message  string
	Affected Affected
}

// ContainerRef names the pull policy of one container in the manifests of a source. It is comparable, and it is the
// same in every render of the source: it holds positions and no names, because a chart can draw names at random.
//
// For example, the first container of the second object in a template of the chart charts/api:
//
//	{Source: charts/api (prod), Document: charts/api/templates/all.yaml, Part: 1, Kind: Deployment,
//	 Field: spec.template.spec.containers[0].imagePullPolicy}
type ContainerRef struct {
	Source     render.ID
	Document   string // the path of the file that the object came from
	Part, Item int    // the positions of the document in the file and of the object in the document, from 0
	Kind       string
	Field      string // the path to the policy, as yamldoc.Path writes it
}

// Decide stores the location that decides the policy, and drops the references to the manifest, so that a report does
// not keep the manifests of hundreds of sources in memory. A decision without a key gets the path of the field as its
// key.
func (h *Hit) Decide(decision yamldoc.Location, via []yamldoc.Location, exact bool) {
	decision.Key = cmp.Or(decision.Key, h.Field.Named())
	h.Decision, h.Via, h.Exact = decision, via, exact
	h.Manifest, h.Field, h.ImageField = nil, nil, nil
}

// Affected is a container as reports show it. Written is the policy as the manifest says it, Effective the policy that
// the API server makes of it. Its JSON is part of the program's interface.
type Affected struct {
	Source      string `json:"source"`
	Environment string `json:"environment"`
	APIVersion  string `json:"apiVersion"`
	Kind        string `json:"kind"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	Container   string `json:"container"`
	Field       string `json:"field"`
	Image       string `json:"image"`
	Written     string `json:"written"`
	Effective   string `json:"effective"`
}

// compare orders by source, object and container. A shorter field comes first, so that containers[2] comes before
// containers[10].
func (a Affected) compare(b Affected) int {
	return cmp.Or(
		strings.Compare(a.Source, b.Source),
		strings.Compare(a.Environment, b.Environment),
		strings.Compare(a.Kind, b.Kind),
		strings.Compare(a.Namespace, b.Namespace),
		strings.Compare(a.Name, b.Name),
		strings.Compare(a.APIVersion, b.APIVersion),
		cmp.Compare(len(a.Field), len(b.Field)),
		strings.Compare(a.Field, b.Field),
		strings.Compare(a.Container, b.Container),
		strings.Compare(a.Image, b.Image),
		strings.Compare(a.Written, b.Written),
	)
}

// Run checks the manifests of a source. It returns a hit for each container that breaks a rule, and the number of all
// containers. The decision of a hit is not known yet: it is the file that the object came from. The hits refer to the
// manifests until Decide is called.
func Run(source render.Source, manifests []render.Manifest) (hits []Hit, containers int) {
	for i := range manifests {
		manifest := &manifests[i]
		found := Containers(*manifest)
		containers += len(found)
		for _, c := range found {
			rule, message := firstRule(c)
			if rule == nil {
				continue
			}
			hits = append(hits, Hit{
				Rule:       rule,
				Manifest:   manifest,
				Field:      c.Field,
				ImageField: c.ImageField,
				Decision:   yamldoc.Location{Path: manifest.Document.Path, Key: c.Field.Named()},
				Ref: ContainerRef{
					Source: source.ID(), Document: manifest.Document.Path, Part: manifest.Part, Item: manifest.Item,
					Kind: manifest.Kind, Field: c.Field.String(),
				},
				Message:  message,
				Affected: affected(source, *manifest, c),
			})
		}
	}
	return hits, containers
}

// firstRule returns the first rule that a container breaks, and the message of the rule; nil if it breaks no rule.
func firstRule(c Container) (*Rule, string) {
	for i := range Rules {
		if Rules[i].message == nil {
			continue
		}
		if message := Rules[i].message(c); message != "" {
			return &Rules[i], message
		}
	}
	return nil, ""
}

func affected(source render.Source, manifest render.Manifest, c Container) Affected {
	return Affected{
		Source:      source.ID().Path,
		Environment: source.ID().Environment,
		APIVersion:  manifest.APIVersion,
		Kind:        manifest.Kind,
		Namespace:   manifest.Namespace,
		Name:        manifest.Name,
		Container:   c.Name,
		Field:       c.Field.String(),
		Image:       c.Image,
		Written:     c.Written,
		Effective:   c.Effective,
	}
}

// Report is the result of a check of many sources. Its JSON is part of the program's interface: fields may be added,
// but a field keeps its name and its meaning as long as Version is 1. [NewReport] makes it.
type Report struct {
	Version  int       `json:"version"`
	Findings []Finding `json:"findings"`
	Failures []Failure `json:"failures"`
	// Suppressed are the findings that an ignore comment suppresses. They are not in Findings.
	Suppressed []Suppression  `json:"suppressed"`
	Sources    []SourceStatus `json:"sources"`
}

// Finding is one rule that one decision breaks, with every container that the decision affects. For example: line 14 of
// charts/api/values.yaml breaks pull-policy-not-always, for 14 containers.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Message is true for each affected container. In JSON, the message is the Text.
	Message string `json:"message"`
	// FixProblem says why there is no fix. It is empty if there is a fix, or if nobody asked for a proof.
	FixProblem string `json:"-"`
	// Fingerprint names the finding from one run to the next, in 32 hexadecimal digits. It does not change when lines
	// move: see identity.
	Fingerprint string           `json:"fingerprint"`
	Decision    yamldoc.Location `json:"decision"`
	// Via are the locations between the decision and the manifest, in order.
	Via []yamldoc.Location `json:"via"`
	// Exact is true if a render has shown that the decision decides. If it is false, Decision is the line that writes the
	// policy, or only a file.
	Exact    bool       `json:"exact"`
	Affected []Affected `json:"affected"`
	// Fix is null if no edit was proven, or if nobody asked for a proof.
	Fix *Fix `json:"fix"`
	// Note says why an ignore comment near the finding does not suppress it; empty if there is no such comment.
	Note string `json:"-"`
	// Hits are the hits that make the finding, one for each container. Package check/fix proves with them.
	Hits []Hit `json:"-"`
}

// Text returns the message and, if a proof has found no fix, the reason.
func (f *Finding) Text() string {
	if f.FixProblem == "" {
		return f.Message
	}
	return f.Message + " (no fix: " + f.FixProblem + ")"
}

// Where returns the finding with only the containers for which keep is true, and the locations that lead to them.
func (f Finding) Where(keep func(Affected) bool) Finding {
	hits := f.Hits
	f.Hits, f.Affected, f.Via = nil, nil, []yamldoc.Location{}
	for _, hit := range hits {
		if keep(hit.Affected) {
			f.add(hit)
		}
	}
	return f
}

// KeepFixProblems copies the reasons why findings have no fix from an earlier report of the same tree, by fingerprint.
// A finding that has a fix now gets none.
func (r *Report) KeepFixProblems(before *Report) {
	problems := map[string]string{}
	for _, f := range before.Findings {
		problems[f.Fingerprint] = f.FixProblem
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Fix == nil {
			f.FixProblem = cmp.Or(problems[f.Fingerprint], f.FixProblem)
		}
	}
}

// Fix is a set of edits that was proven: every source that reads an edited file was rendered again, the finding is
// gone, no new finding is there, and nothing but pull policies has changed.
type Fix struct {
	Message string         `json:"message"`
	Proven  bool           `json:"proven"` // always true
	Edits   []yamldoc.Edit `json:"edits"`
}

// Failure is a source that could not be rendered or read. Nothing is known about its containers, so it is never a pass.
type Failure struct {
	Source      string `json:"source"`
	Environment string `json:"environment"`
	Message     string `json:"message"`
	// Location is the place of the error. Its path is empty if the engine does not name the place.
	Location yamldoc.Location `json:"location"`
	// Hint is the next thing to do or type; it may be empty. It is for people, so JSON leaves it out.
	Hint string `json:"-"`
	// Downloaded is true if the source uses downloaded content, which Message, Location and Hint may quote.
	Downloaded bool `json:"-"`
	// Lost is true for a source that the base of a change has, and that the change takes out of the check.
	Lost bool `json:"-"`
}

// SourceStatus says what happened to one source, and how many containers its manifests have.
type SourceStatus struct {
	Path        string      `json:"path"`
	Kind        render.Kind `json:"kind"`
	Environment string      `json:"environment"`
	Status      Status      `json:"status"`
	// Reason says why the source was skipped or why it failed. For a rendered source it is empty, or says why a part of
	// it was skipped.
	Reason string `json:"reason"`
	// NoObject is true for a skipped file that has no Kubernetes object, such as a docker-compose.yaml: see render.Skip.
	NoObject bool `json:"-"`
	// Downloaded is true if the source uses downloaded content, which Reason may quote.
	Downloaded bool `json:"-"`
	Containers int  `json:"containers"`
}

// Status says whether a source was rendered.
type Status string

// The statuses of a source.
const (
	Rendered Status = "rendered"
	Failed   Status = "failed"
	Skipped  Status = "skipped" // on purpose: Reason says why
)

// NewReport groups hits into findings, separates the suppressed findings from the others, and sorts everything. The
// report does not depend on the order of the arguments, so that it is the same from run to run although sources are
// rendered concurrently. The arguments are not changed.
func NewReport(hits []Hit, failures []Failure, sources []SourceStatus) *Report {
	report := &Report{
		Version:  1,
		Failures: append([]Failure{}, failures...),
		Sources:  append([]SourceStatus{}, sources...),
	}
	report.Findings, report.Suppressed = suppress(findings(hits))
	slices.SortFunc(report.Failures, func(a, b Failure) int {
		return cmp.Or(
			strings.Compare(a.Source, b.Source),
			strings.Compare(a.Environment, b.Environment),
			strings.Compare(a.Location.String(), b.Location.String()),
			strings.Compare(a.Message, b.Message),
		)
	})
	slices.SortFunc(report.Sources, func(a, b SourceStatus) int {
		return cmp.Or(
			strings.Compare(a.Path, b.Path),
			strings.Compare(a.Environment, b.Environment),
			strings.Compare(string(a.Kind), string(b.Kind)),
		)
	})
	return report
}

// identity is what a fingerprint is computed from. It holds no line number. For a decision at key image.pullPolicy of
// charts/api/values.yaml, it is the rule, the path and the key, and the first object that is affected.
type identity struct {
	rule, path, key       string
	kind, namespace, name string
}

// fingerprint returns the hash of the identity in 32 hexadecimal digits. Two findings can have the same identity, such
// as the findings of two objects with the same generateName. So the hash also holds the number of the occurrence,
// which counts from 1 in the order of the file. The first occurrence has the hash of the identity alone.
func (id identity) fingerprint(occurrence int) string {
	parts := []string{id.rule, id.path, id.key, id.kind, id.namespace, id.name}
	if occurrence > 1 {
		parts = append(parts, strconv.Itoa(occurrence))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// groupKey is what the hits of one finding have in common. It has three forms:
//   - If the line of the decision is known: the rule, the path, the line and the column. One value can decide for
//     several objects, for example through a YAML alias, and one line can write several policies.
//   - If only the key is known, exactly: the rule, the path and the key.
//   - Otherwise: the whole identity, with the object.
type groupKey struct {
	identity
	line, column int
	exact        bool
}

func groupKeyOf(hit Hit) groupKey {
	group := groupKey{identity: hit.identity(), exact: hit.Exact}
	switch at := hit.Decision; {
	case at.Line > 0:
		group.identity = identity{rule: hit.Rule.ID, path: at.Path}
		group.line, group.column = at.Line, at.Column
	case hit.Exact:
		group.identity = identity{rule: hit.Rule.ID, path: at.Path, key: at.Key}
	}
	return group
}

// findings groups hits by rule and decision, and returns the findings in the order of the files.
func findings(hits []Hit) []Finding {
	hits = slices.Clone(hits)
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(
			a.Affected.compare(b.Affected),
			compareLocations(a.Decision, b.Decision),
			strings.Compare(a.Rule.ID, b.Rule.ID),
		)
	})
	found := []Finding{} // JSON shows an empty list as [], and nil as null.
	index := make(map[groupKey]int)
	for _, hit := range hits {
		group := groupKeyOf(hit)
		i, ok := index[group]
		if !ok {
			i = len(found)
			index[group] = i
			found = append(found, newFinding(hit))
		}
		found[i].add(hit)
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(
			compareLocations(a.Decision, b.Decision),
			strings.Compare(a.Rule, b.Rule),
			a.Affected[0].compare(b.Affected[0]),
		)
	})
	occurrences := make(map[identity]int)
	for i := range found {
		id := found[i].identity()
		occurrences[id]++
		found[i].Fingerprint = id.fingerprint(occurrences[id])
	}
	return found
}

// newFinding returns a finding without containers and without a fingerprint. The fingerprint depends on the other
// findings.
func newFinding(hit Hit) Finding {
	return Finding{
		Rule:     hit.Rule.ID,
		Severity: hit.Rule.Severity,
		Message:  hit.Message,
		Decision: hit.Decision,
		Via:      []yamldoc.Location{},
		Exact:    hit.Exact,
	}
}

func (h Hit) identity() identity { return identityOf(h.Rule.ID, h.Decision, h.Affected) }

// identity returns the identity of the finding's first container.
func (f Finding) identity() identity { return identityOf(f.Rule, f.Decision, f.Affected[0]) }

func identityOf(rule string, decision yamldoc.Location, affected Affected) identity {
	return identity{rule, decision.Path, decision.Key, affected.Kind, affected.Namespace, affected.Name}
}

// add adds a hit to the finding. Hits must be added in the order of Affected.compare. If the messages of two hits
// differ, the finding has the summary of the rule, which is true for both.
func (f *Finding) add(hit Hit) {
	f.Hits = append(f.Hits, hit)
	for _, via := range hit.Via {
		if !slices.Contains(f.Via, via) {
			f.Via = append(f.Via, via)
		}
	}
	if n := len(f.Affected); n == 0 || f.Affected[n-1] != hit.Affected {
		f.Affected = append(f.Affected, hit.Affected)
	}
	if f.Message != hit.Message {
		f.Message = hit.Rule.Summary
	}
}

func compareLocations(a, b yamldoc.Location) int {
	return cmp.Or(
		strings.Compare(a.Path, b.Path),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		strings.Compare(a.Key, b.Key),
	)
}
