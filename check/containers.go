package check

import (
	"bytes"
	"cmp"
	"regexp"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Container is a place in an object where an image is run or mounted: a container of any kind, or an
// image volume.
type Container struct {
	// Name is the container's name, or "volume:" and the name of an image volume; empty where none is
	// written. The container of an Argo template without a name of its own has the template's.
	Name string
	// Field is the path from the object to its pull policy, also where none is written. A policy that is
	// inherited within the object has the path of the field that it comes from.
	Field yamldoc.Path
	// ImageField is the path to the image, or to what is written of it; nil where somebody else chooses the image.
	ImageField yamldoc.Path
	// Image is the reference as written, empty where somebody else chooses the image.
	Image string
	// Written is the policy as written, empty where there is none, or only null or "".
	Written string
	// Default is the policy that the operator of a custom resource sets where none is written; empty
	// where that is left to the API server.
	Default string
	// Effective is what becomes of Image, Written and Default.
	Effective string

	tag    string // as the API server sees it
	pinned bool   // by a digest
}

// Containers returns every container and image volume of an object: those of the custom resources that
// it is or embeds first, then the others in the order of the text.
func Containers(manifest render.Manifest) []Container {
	var w walker
	w.mapping(manifest.Node)
	return w.found
}

// MayHoldContainers reports whether a text of YAML documents may hold an object that has containers. It
// is quick where parsing is slow, and never wrong when it says no.
func MayHoldContainers(text []byte) bool {
	for more := true; more; {
		var document []byte
		document, text, more = bytes.Cut(text, []byte("\n---"))
		// What begins with --- and goes on is no separator, but a key.
		if mayHoldContainers(document) || len(text) > 0 && !bytes.ContainsAny(text[:1], " \t\r\n") {
			return true
		}
	}
	return false
}

// header is the beginning of an object by which its kind is certain without a parser, as tools write it.
var header = regexp.MustCompile(`\A(?:---)?(?:[ \t\r]*(?:#[^\n]*)?\n)*apiVersion: (\S+)\r?\nkind: (\S+)\r?\n`)

// another is a line that might write the apiVersion or kind again.
var another = regexp.MustCompile(`\n(?:apiVersion|kind|[^\sA-Za-z#])`)

func mayHoldContainers(document []byte) bool {
	// The name of each field that makes a container has "image" in it (TestCustomResourcesTable), unless
	// it is written with an escape, or in UTF-16.
	if !bytes.Contains(document, []byte("image")) && !bytes.ContainsAny(document, "\\\x00") {
		return false
	}
	match := header.FindSubmatchIndex(document)
	return match == nil ||
		!withoutContainers(groupOf(string(document[match[2]:match[3]])), string(document[match[4]:match[5]])) ||
		another.Match(document[match[1]-1:]) || hasOtherBreaks(document)
}

// hasOtherBreaks reports whether the parser sees lines that end otherwise than in LF or CRLF (see breakAt).
func hasOtherBreaks(document []byte) bool {
	document = bytes.TrimSuffix(document, []byte("\r")) // the LF after it began the separator
	return bytes.Count(document, []byte("\r")) != bytes.Count(document, []byte("\r\n")) ||
		bytes.Contains(document, []byte("\u0085")) ||
		bytes.Contains(document, []byte("\u2028")) || bytes.Contains(document, []byte("\u2029"))
}

// groupOf returns the group of an apiVersion, empty for the core group.
func groupOf(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// dialect says which places beside those of a pod template hold a container.
type dialect int

const (
	podTemplate dialect = iota
	// argoWorkflow: container, script and sidecars, and templateDefaults that each template inherits
	// (https://argo-workflows.readthedocs.io/en/latest/template-defaults/).
	argoWorkflow
	// tekton: steps and sidecars, and a stepTemplate that each step inherits
	// (https://tekton.dev/docs/pipelines/tasks/#specifying-a-step-template). The image of a StepAction has
	// no field for a policy: where a step refers to the action, the policy is the step's or stepTemplate's.
	tekton
)

func dialectOf(group, kind string) dialect {
	switch group {
	case "tekton.dev":
		return tekton
	case "argoproj.io":
		switch kind {
		case "Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow":
			return argoWorkflow
		}
	}
	return podTemplate
}

// withoutContainers reports whether what looks like a container in an object of this kind is none:
// schemas, data, values, and the patterns and mutations of policy engines.
func withoutContainers(group, kind string) bool {
	switch group {
	case "":
		return kind == "ConfigMap" || kind == "Secret"
	case "argoproj.io": // of Argo CD; what they render has containers
		return kind == "Application" || kind == "ApplicationSet"
	case "apiextensions.crossplane.io":
		return kind == "CompositeResourceDefinition"
	case "apiextensions.k8s.io",
		"kyverno.io", "policies.kyverno.io",
		"templates.gatekeeper.sh", "constraints.gatekeeper.sh", "mutations.gatekeeper.sh", "expansion.gatekeeper.sh":
		return true
	}
	return false
}

// walker finds the containers of one object. It looks at every mapping, because a pod template can
// stand anywhere: in a CronJob, a custom resource, an object embedded in another one.
type walker struct {
	found []Container
	path  yamldoc.Path
	scope
}

// scope is what the objects and mappings around a place mean for it.
type scope struct {
	object  *yaml.Node // the innermost object
	dialect dialect
	// defaults are the templateDefaults of an Argo workflow.
	defaults inherited
}

// inherited is a mapping from which a container takes what it does not write itself.
type inherited struct {
	node *yaml.Node
	path yamldoc.Path
}

func (w *walker) mapping(node *yaml.Node) {
	outer := w.scope
	defer func() { w.scope = outer }()
	if kind, apiVersion := yamldoc.Scalar(node, "kind"), yamldoc.Scalar(node, "apiVersion"); kind != "" && apiVersion != "" {
		group := groupOf(apiVersion)
		if withoutContainers(group, kind) {
			return
		}
		w.scope = scope{object: node, dialect: dialectOf(group, kind)}
		w.customResource(node, group, kind)
	}
	if w.dialect == argoWorkflow {
		if defaults := yamldoc.Field(node, "templateDefaults"); defaults != nil {
			w.defaults = inherited{defaults, w.path.Below(yamldoc.Key("templateDefaults"))}
		}
	}
	for key, value := range yamldoc.Fields(node) {
		if value.Kind == yaml.ScalarNode || key.Value == "metadata" || key.Value == "status" && node == w.object {
			continue
		}
		w.path = append(w.path, yamldoc.Key(key.Value))
		w.value(node, key.Value, value)
		w.path = w.path[:len(w.path)-1]
	}
}

// value walks what a mapping has under a key.
func (w *walker) value(mapping *yaml.Node, key string, node *yaml.Node) {
	switch node.Kind {
	case yaml.AliasNode:
		w.value(mapping, key, node.Alias)
	case yaml.MappingNode:
		if !w.single(mapping, key, node) {
			w.mapping(node)
		}
	case yaml.SequenceNode:
		for i, item := range node.Content {
			w.path = append(w.path, yamldoc.Item(i, item))
			if !w.item(mapping, key, yamldoc.Resolve(item)) {
				w.value(nil, "", item)
			}
			w.path = w.path[:len(w.path)-1]
		}
	}
}

// single adds the container that a mapping has under a key, if it is a place for one, and reports
// whether it was.
func (w *walker) single(mapping *yaml.Node, key string, node *yaml.Node) bool {
	if w.dialect != argoWorkflow {
		return false
	}
	switch key {
	case "container", "script":
		// In templateDefaults it is no container, but what those of the templates inherit: the defaults
		// of the template's own type (mergedTemplateDefaultsInto in Argo's workflow/controller/operator.go).
		return mapping == w.defaults.node || w.container(node, yamldoc.Scalar(mapping, "name"), w.defaults.field(key))
	case "containerSet":
		return mapping == w.defaults.node
	}
	return false
}

// item adds the container that is an item of the list which a mapping has under a key, if it is a
// place for one, and reports whether it was.
func (w *walker) item(mapping *yaml.Node, key string, item *yaml.Node) bool {
	var from inherited
	switch key {
	case "volumes":
		return w.volume(item)
	case "containers", "ephemeralContainers":
	case "initContainers", "sidecars":
		if key == "sidecars" && w.dialect == podTemplate {
			return false
		}
		if w.dialect == argoWorkflow && mapping != w.defaults.node {
			from = w.defaults.item(key, yamldoc.Scalar(item, "name"))
		}
	case "steps":
		if w.dialect != tekton {
			return false
		}
		if template := yamldoc.Field(mapping, "stepTemplate"); template != nil {
			from = inherited{template, w.path[:len(w.path)-2].Below(yamldoc.Key("stepTemplate"))}
		}
	default:
		return false
	}
	return w.container(item, "", from)
}

// field returns the mapping under a key of the mapping from which is inherited.
func (d inherited) field(key string) inherited {
	return inherited{yamldoc.Field(d.node, key), d.path.Below(yamldoc.Key(key))}
}

// item returns the item of that name of the list under a key of the mapping from which is inherited.
func (d inherited) item(key, name string) inherited {
	list := d.field(key)
	if list.node != nil && list.node.Kind == yaml.SequenceNode {
		for i, item := range list.node.Content {
			if yamldoc.Scalar(item, "name") == name {
				return inherited{yamldoc.Resolve(item), list.path.Below(yamldoc.Item(i, item))}
			}
		}
	}
	return inherited{}
}

// container adds a container, unless it has neither image nor policy: operators take patches that look
// like containers, and then choose both themselves. It reports whether it added one.
func (w *walker) container(node *yaml.Node, name string, from inherited) bool {
	if node.Kind != yaml.MappingNode {
		return false
	}
	image, policy := yamldoc.Field(node, "image"), yamldoc.Field(node, "imagePullPolicy")
	path, imagePath := w.path, w.path
	if own := yamldoc.Field(from.node, "imagePullPolicy"); !isSet(policy) && isSet(own) {
		policy, path = own, from.path
	}
	// A Tekton step that refers to a StepAction runs the action's image, not the stepTemplate's.
	if image == nil && yamldoc.Field(node, "ref") == nil {
		image, imagePath = yamldoc.Field(from.node, "image"), from.path
	}
	if !isText(image) && !isSet(policy) {
		return false
	}
	c := Container{Name: cmp.Or(yamldoc.Scalar(node, "name"), name), Field: path.Below(yamldoc.Key("imagePullPolicy"))}
	if image != nil {
		c.ImageField = imagePath.Below(yamldoc.Key("image"))
	}
	w.add(c, policy, image)
	return true
}

// volume adds the image volume at an item of a list of volumes, if it is one
// (https://kep.k8s.io/4639), and reports whether it was.
func (w *walker) volume(node *yaml.Node) bool {
	source := yamldoc.Field(node, "image")
	image, policy := yamldoc.Field(source, "reference"), yamldoc.Field(source, "pullPolicy")
	if !isText(image) && !isSet(policy) {
		return false
	}
	c := Container{Name: "volume:" + yamldoc.Scalar(node, "name"), Field: w.path.Below(yamldoc.Key("image"), yamldoc.Key("pullPolicy"))}
	if image != nil {
		c.ImageField = w.path.Below(yamldoc.Key("image"), yamldoc.Key("reference"))
	}
	w.add(c, policy, image)
	return true
}

// add completes a container from the values of its fields, nil where a field is missing.
func (w *walker) add(c Container, policy, image *yaml.Node) {
	if isText(image) && c.Image == "" {
		c.Image = image.Value
	}
	c.Written = policyText(policy)
	if c.Written != Always {
		c.tag, c.pinned = parseImage(c.Image)
	}
	c.Effective = cmp.Or(c.Written, c.Default)
	if c.Effective == "" {
		c.Effective = Effective(c.Image, "")
	}
	w.found = append(w.found, c)
}

// policyText returns a policy as text. A mapping or a list is shown by its brackets: the API server refuses it.
func policyText(policy *yaml.Node) string {
	switch {
	case !isSet(policy):
		return ""
	case policy.Kind == yaml.MappingNode:
		return "{…}"
	case policy.Kind == yaml.SequenceNode:
		return "[…]"
	}
	return policy.Value
}

// isSet reports whether a field has a value: the API server takes null and "" for none.
func isSet(node *yaml.Node) bool {
	return node != nil && (node.Kind != yaml.ScalarNode || node.Tag != "!!null" && node.Value != "")
}

// isText reports whether a value is a scalar other than null.
func isText(node *yaml.Node) bool {
	return node != nil && node.Kind == yaml.ScalarNode && node.Tag != "!!null"
}
