package check

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Container is a part of an object that runs or mounts an image: a container of any kind, or an image volume.
type Container struct {
	// Name is the name of the container, or "volume:" and the name of the image volume; empty if the object writes no
	// name. A container of an Argo workflow template that has no name gets the name of the template.
	Name string
	// Field is the path from the object to the pull policy, also if no policy is written there. If the container inherits
	// its policy from another field of the object, it is the path to the other field.
	Field yamldoc.Path
	// ImageField is the path to the image, or to its repository if the tag has a field of its own. It is nil if the object
	// does not write the image, because an operator chooses it.
	ImageField yamldoc.Path
	// Image is the image as written; empty if the object does not write it.
	Image string
	// Written is the policy as written; empty if there is no policy, or only null or "".
	Written string
	// Default is the policy that the operator of a custom resource sets if no policy is written. It is empty if the
	// operator sets none and the API server decides.
	Default string
	// Effective is the policy that results from Image, Written and Default.
	Effective string

	tag    string // as the API server sees it
	pinned bool   // The image has a digest.
}

// Containers returns every container and image volume of an object. An object that is or embeds a custom resource of
// the table gives the containers of the table first. The other containers follow in the order of the text.
func Containers(manifest render.Manifest) []Container {
	var w walker
	w.mapping(manifest.Node)
	return w.found
}

// MayHoldContainers reports whether YAML documents could contain an object with containers. It searches the text and
// does not parse it, because most rendered text has no containers and parsing takes most of the time of a check. It
// may return true for a text without containers. It returns false only if there is certainly no container.
func MayHoldContainers(text []byte) bool {
	for more := true; more; {
		var document []byte
		document, text, more = bytes.Cut(text, []byte("\n---"))
		// A line such as "---key: x" is no separator, but a key.
		if mayHoldContainers(document) || len(text) > 0 && !bytes.ContainsAny(text[:1], " \t\r\n") {
			return true
		}
	}
	return false
}

// header matches the first lines of an object as most tools write them: apiVersion, then kind. They give the kind
// without a parser.
var header = regexp.MustCompile(`\A(?:---)?(?:[ \t\r]*(?:#[^\n]*)?\n)*apiVersion: (\S+)\r?\nkind: (\S+)\r?\n`)

// repeatsHeader matches a line that might write the apiVersion or the kind again, or that makes the object a list,
// whatever its kind. Then the header proves nothing.
var repeatsHeader = regexp.MustCompile(`\n(?:apiVersion|kind|items|[^\sA-Za-z#])`)

// mayHoldContainers is MayHoldContainers for one document.
func mayHoldContainers(document []byte) bool {
	// Each container has a field whose name contains "image" (TestCustomResourcesTable holds the table to this).
	if !bytes.Contains(document, []byte("image")) && !yamldoc.MayHide(document) {
		return false
	}
	match := header.FindSubmatchIndex(document)
	return match == nil ||
		!withoutContainers(groupOf(string(document[match[2]:match[3]])), string(document[match[4]:match[5]])) ||
		repeatsHeader.Match(document[match[1]-1:]) || hasOtherBreaks(document)
}

// hasOtherBreaks reports whether the text has line breaks other than LF and CRLF: the YAML parser also ends a line at a
// lone CR, at NEL (U+0085), LS (U+2028) and PS (U+2029). Searches for "\n" miss these lines.
func hasOtherBreaks(document []byte) bool {
	document = bytes.TrimSuffix(document, []byte("\r")) // The LF of this CRLF was cut off with the separator.
	return bytes.Count(document, []byte("\r")) != bytes.Count(document, []byte("\r\n")) ||
		bytes.Contains(document, []byte("\u0085")) ||
		bytes.Contains(document, []byte("\u2028")) || bytes.Contains(document, []byte("\u2029"))
}

// groupOf returns the API group of an apiVersion: "apps" for apps/v1, and "" for v1, the core group.
func groupOf(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// dialect is a set of the fields of an object that hold containers, in addition to the fields of a pod template.
type dialect int

const (
	// argoWorkflow has containers in container, script and sidecars. Each template inherits from templateDefaults
	// (https://argo-workflows.readthedocs.io/en/latest/template-defaults/).
	argoWorkflow dialect = 1 << iota
	// tekton has containers in steps and sidecars. Each step inherits from stepTemplate
	// (https://tekton.dev/docs/pipelines/tasks/#specifying-a-step-template). A StepAction has an image and no field for a
	// policy: a step that refers to it has the policy of the step or of stepTemplate.
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
	return 0
}

// withoutContainers reports whether objects of a kind have no containers, although they may have fields that look like
// containers: schemas, data, values, and the patterns and mutations of policy engines.
func withoutContainers(group, kind string) bool {
	switch group {
	case "":
		return kind == "ConfigMap" || kind == "Secret"
	case "argoproj.io": // Argo CD: the rendered manifests have the containers, and are sources of their own
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

// isWhole reports whether a mapping inside of an object, with the apiVersion and kind of an object without containers,
// is such an object: its fields are those of an object, and its spec is not the spec of a pod or of what makes pods. In
// any other mapping, somebody may have written an apiVersion and a kind only to hide containers beside them.
func isWhole(node *yaml.Node) bool {
	for key := range yamldoc.Fields(node) {
		switch key.Value {
		case "apiVersion", "kind", "metadata", "spec", "status", "data", "binaryData", "stringData", "immutable", "type":
		default:
			return false
		}
	}
	spec := yamldoc.Field(node, "spec")
	return !slices.ContainsFunc([]string{"containers", "initContainers", "volumes", "template", "jobTemplate"},
		func(key string) bool { return yamldoc.Field(spec, key) != nil })
}

// walker finds the containers of one object. It visits every mapping of the object, because a pod template can be
// anywhere: in a CronJob, in a custom resource, in an object that another object embeds.
type walker struct {
	found []Container
	path  yamldoc.Path // from the object to the current node
	scope
}

// scope is what the walker knows from the mappings around the current node.
type scope struct {
	object  *yaml.Node // the innermost mapping with apiVersion and kind
	dialect dialect
	// defaults are the templateDefaults of an Argo workflow.
	defaults inherited
}

// inherited is a mapping whose fields a container inherits unless it writes them itself. Its node may be nil.
type inherited struct {
	node *yaml.Node
	path yamldoc.Path
}

// mapping visits a mapping. If the mapping is an object, it begins a new scope.
func (w *walker) mapping(node *yaml.Node) {
	outer := w.scope
	defer func() { w.scope = outer }()
	kind, apiVersion := yamldoc.Scalar(node, "kind"), yamldoc.Scalar(node, "apiVersion")
	if kind != "" && apiVersion != "" {
		group := groupOf(apiVersion)
		if withoutContainers(group, kind) && (len(w.path) == 0 || isWhole(node)) {
			return
		}
		// The scope around remains in force: the API server drops an apiVersion and a kind that stand where they mean
		// nothing, and what they stand beside is deployed.
		w.object, w.dialect = node, w.dialect|dialectOf(group, kind)
		w.customResource(node, group, kind)
	}
	if w.dialect&argoWorkflow != 0 {
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

// value visits the value that a mapping has under a key.
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

// single adds the container that a mapping has under a key, if the dialect has a container there. It reports whether
// node was handled, so that the walker does not visit it again.
func (w *walker) single(mapping *yaml.Node, key string, node *yaml.Node) bool {
	if w.dialect&argoWorkflow == 0 {
		return false
	}
	switch key {
	case "container", "script":
		// A container in templateDefaults does not run. The container of a template inherits from the field of its own type:
		// a script inherits from templateDefaults.script (mergedTemplateDefaultsInto in Argo's
		// workflow/controller/operator.go).
		return mapping == w.defaults.node || w.container(node, yamldoc.Scalar(mapping, "name"), w.defaults.field(key))
	case "containerSet":
		return mapping == w.defaults.node
	}
	return false
}

// item adds the container or volume that is an item of the list under a key of a mapping, if the key names a list of
// containers or volumes. It reports whether the item was added.
func (w *walker) item(mapping *yaml.Node, key string, item *yaml.Node) bool {
	var from inherited
	switch key {
	case "volumes":
		return w.volume(item)
	case "containers", "ephemeralContainers":
	case "initContainers", "sidecars":
		if key == "sidecars" && w.dialect == 0 {
			return false
		}
		if w.dialect&argoWorkflow != 0 && mapping != w.defaults.node {
			from = w.defaults.item(key, yamldoc.Scalar(item, "name"))
		}
	case "steps":
		if w.dialect&tekton == 0 {
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

// field returns the mapping under a key of d.
func (d inherited) field(key string) inherited {
	return inherited{yamldoc.Field(d.node, key), d.path.Below(yamldoc.Key(key))}
}

// item returns the item with a name in the list under a key of d; an empty value if there is no such item.
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

// container adds a container and reports whether it did. It adds none for a mapping with neither image nor policy:
// some custom resources hold patches that look like containers, and their operator chooses image and policy. The name
// is for a container that does not write one, and from is the mapping from which the container inherits.
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

// volume adds the image volume (https://kep.k8s.io/4639) at an item of a list of volumes, and reports whether the item
// is an image volume.
func (w *walker) volume(node *yaml.Node) bool {
	source := yamldoc.Field(node, "image")
	image, policy := yamldoc.Field(source, "reference"), yamldoc.Field(source, "pullPolicy")
	if !isText(image) && !isSet(policy) {
		return false
	}
	c := Container{
		Name:  "volume:" + yamldoc.Scalar(node, "name"),
		Field: w.path.Below(yamldoc.Key("image"), yamldoc.Key("pullPolicy")),
	}
	if image != nil {
		c.ImageField = w.path.Below(yamldoc.Key("image"), yamldoc.Key("reference"))
	}
	w.add(c, policy, image)
	return true
}

// add completes a container from the nodes of its policy and its image, and appends it. A node is nil if the field is
// missing. Parsing an image is slow, so it is left out for a policy of Always, for which no rule needs the tag.
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

// policyText returns a policy as text; "" if it is not set. A mapping is {…} and a list is […]: the API server refuses
// both.
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

// isSet reports whether a field has a value. For the API server, null and "" mean that the field is not set.
func isSet(node *yaml.Node) bool {
	return node != nil && (node.Kind != yaml.ScalarNode || node.Tag != "!!null" && node.Value != "")
}

// isText reports whether a value is a scalar other than null.
func isText(node *yaml.Node) bool {
	return node != nil && node.Kind == yaml.ScalarNode && node.Tag != "!!null"
}
