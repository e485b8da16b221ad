// Package check says which containers of rendered manifests do not ask their registry before they
// start, and which line decides that. It does no I/O.
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
	// Manifest is the object, Field the path to the pull policy in it, ImageField that to the image, nil if there
	// is none. By these the decision is asked for; Decide lets them go.
	Manifest          *render.Manifest
	Field, ImageField yamldoc.Path
	// Decision is the place whose edit changes the outcome, if Exact; otherwise the line that writes the policy, or
	// only the file that the object came from. Via are the places on the way to the manifest.
	Decision yamldoc.Location
	Via      []yamldoc.Location
	Exact    bool
	Place    Place
	Message  string
	Affected Affected
}

// Place is the pull policy of a container in what a source was rendered to. It stays the same in another render of
// the source, also where names are drawn at random.
type Place struct {
	Source     render.ID
	Document   string // the path of the file that the object came from
	Part, Item int    // as in render.Manifest
	Kind       string
	Field      string
}

// Decide sets where the policy was decided, and keeps nothing of the manifest alive. A decision without a key is named
// by the field.
func (h *Hit) Decide(decision yamldoc.Location, via []yamldoc.Location, exact bool) {
	decision.Key = cmp.Or(decision.Key, h.Field.Named())
	h.Decision, h.Via, h.Exact = decision, via, exact
	h.Manifest, h.Field, h.ImageField = nil, nil, nil
}

// Affected is a container as reports show it.
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

// compare orders by source and object, then the containers of an object as people count them: items 2
// before 10.
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

// Run checks what a source was rendered to. It returns the containers that break a rule, their decisions not yet
// known, and how many there are in all.
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
				Place:      Place{source.ID(), manifest.Document.Path, manifest.Part, manifest.Item, manifest.Kind, c.Field.String()},
				Message:    message,
				Affected:   affected(source, *manifest, c),
			})
		}
	}
	return hits, containers
}

// firstRule returns the first rule that a container breaks, if any, and how.
func firstRule(c Container) (*Rule, string) {
	for i := range Rules {
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

// Report is the result of a check of many sources. Its JSON is part of the program's interface.
type Report struct {
	Version  int       `json:"version"`
	Findings []Finding `json:"findings"`
	Failures []Failure `json:"failures"`
	// Suppressed are the findings that are kept on purpose; they are not among the others.
	Suppressed []Suppression  `json:"suppressed"`
	Sources    []SourceStatus `json:"sources"`
}

// Finding is a rule that is broken by one decision, and every container that this affects.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Message is true of each affected container. In the JSON of a report it is the Text.
	Message string `json:"message"`
	// FixProblem says why there is no fix; it is empty if there is one, or if none was asked for.
	FixProblem string `json:"-"`
	// Fingerprint names the finding from one run to the next: it does not change when lines move.
	Fingerprint string           `json:"fingerprint"`
	Decision    yamldoc.Location `json:"decision"`
	// Via are the places on the way from the decision to the manifest, in order.
	Via []yamldoc.Location `json:"via"`
	// Exact is false where the decision was not demonstrated: it is then the line that writes the policy, or a file.
	Exact    bool       `json:"exact"`
	Affected []Affected `json:"affected"`
	// Fix is null where no edit was proven, or none was asked for.
	Fix *Fix `json:"fix"`
	// Note says why a comment that is meant to suppress the finding does not.
	Note string `json:"-"`
	// Hits are the containers as they were found.
	Hits []Hit `json:"-"`
}

// Text returns the message with the reason why there is no fix, if one was asked for.
func (f *Finding) Text() string {
	if f.FixProblem == "" {
		return f.Message
	}
	return f.Message + " (no fix: " + f.FixProblem + ")"
}

// KeepFixProblems gives the findings of a report that were there before, in another report of the same tree, the reasons why
// they were not fixed then.
func (r *Report) KeepFixProblems(before *Report) {
	problems := map[string]string{}
	for _, f := range before.Findings {
		problems[f.Fingerprint] = f.FixProblem
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.FixProblem = cmp.Or(problems[f.Fingerprint], f.FixProblem)
	}
}

// Fix is edits after which, by another render of every source that reads the files, the finding is gone, there is no
// new one, and nothing but pull policies is different.
type Fix struct {
	Message string         `json:"message"`
	Proven  bool           `json:"proven"` // always true
	Edits   []yamldoc.Edit `json:"edits"`
}

// Failure is a source that could not be rendered or read.
type Failure struct {
	Source      string `json:"source"`
	Environment string `json:"environment"`
	Message     string `json:"message"`
	// Location has an empty path where the engine does not name the place.
	Location yamldoc.Location `json:"location"`
	// Hint is the next thing to do or type, if there is one; it is for people, not for programs.
	Hint string `json:"-"`
}

// SourceStatus says what became of a source.
type SourceStatus struct {
	Path        string      `json:"path"`
	Kind        render.Kind `json:"kind"`
	Environment string      `json:"environment"`
	Status      Status      `json:"status"`
	// Reason says why a source was skipped, failed, or rendered to nothing.
	Reason string `json:"reason"`
	// NoObject is true for a skipped file without a Kubernetes object: see render.Skip.
	NoObject   bool `json:"-"`
	Containers int  `json:"containers"`
}

// Status is what became of a source.
type Status string

// The ways a source can go.
const (
	Rendered Status = "rendered"
	Failed   Status = "failed"
	Skipped  Status = "skipped"
)

// NewReport groups hits into findings, parts those that are kept on purpose from the others, and sorts everything, so
// that the order of its arguments does not matter.
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

// identity is what names a finding in every run.
type identity struct {
	rule, path, key       string
	kind, namespace, name string
}

// fingerprint is the identity in 32 hexadecimal digits. Findings that share it, such as those of two
// objects with one generateName, are told apart by a number that counts from 1 in the order of the file.
func (id identity) fingerprint(occurrence int) string {
	parts := []string{id.rule, id.path, id.key, id.kind, id.namespace, id.name}
	if occurrence > 1 {
		parts = append(parts, strconv.Itoa(occurrence))
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// groupKey is what the hits of one finding share: the location of a value, which can decide several fields and objects through
// aliases, the location of a line that writes several fields, or the whole identity where not even the line is known.
type groupKey struct {
	identity
	line, column int
	exact        bool
}

// findings groups hits by decision.
func findings(hits []Hit) []Finding {
	hits = slices.Clone(hits)
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(a.Affected.compare(b.Affected), compareLocations(a.Decision, b.Decision), strings.Compare(a.Rule.ID, b.Rule.ID))
	})
	found := []Finding{}
	index := make(map[groupKey]int)
	for _, hit := range hits {
		at := groupKey{identity: hit.identity(), exact: hit.Exact}
		switch {
		case hit.Decision.Line > 0:
			at.identity, at.line, at.column = identity{rule: hit.Rule.ID, path: hit.Decision.Path}, hit.Decision.Line, hit.Decision.Column
		case hit.Exact:
			at.identity = identity{rule: hit.Rule.ID, path: hit.Decision.Path, key: hit.Decision.Key}
		}
		i, ok := index[at]
		if !ok {
			i = len(found)
			index[at] = i
			found = append(found, newFinding(hit))
		}
		found[i].add(hit)
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(compareLocations(a.Decision, b.Decision), strings.Compare(a.Rule, b.Rule), a.Affected[0].compare(b.Affected[0]))
	})
	occurrences := make(map[identity]int)
	for i := range found {
		id := found[i].identity()
		occurrences[id]++
		found[i].Fingerprint = id.fingerprint(occurrences[id])
	}
	return found
}

// newFinding returns a finding without its fingerprint, which depends on the others.
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

// identity is that of the first container that is affected.
func (f Finding) identity() identity { return identityOf(f.Rule, f.Decision, f.Affected[0]) }

func identityOf(rule string, decision yamldoc.Location, affected Affected) identity {
	return identity{rule, decision.Path, decision.Key, affected.Kind, affected.Namespace, affected.Name}
}

// add adds a hit that comes after those added before, in the order of what is affected.
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
