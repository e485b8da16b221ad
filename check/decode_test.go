package check

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/raw"
	"github.com/pullcheck/pullcheck/render/yamldoc"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// disguises are objects that the clients of the API server decode in another way than a plain reader of YAML expects.
// want is what they deploy: the field, image and written policy of each container.
var disguises = []struct{ name, text, want string }{
	{"merge key behind the policy", "x: &x {imagePullPolicy: IfNotPresent}\n" + podWith("imagePullPolicy: Always", "<<: *x"), "IfNotPresent"},
	{"merge key before the policy", "x: &x {imagePullPolicy: IfNotPresent}\n" + podWith("<<: *x", "imagePullPolicy: Always"), "Always"},
	{"two merge keys", "x: &x {imagePullPolicy: Always}\ny: &y {imagePullPolicy: Never}\n" + podWith("<<: *x", "<<: *y"), "Never"},
	{"list of merged mappings", "x: &x {imagePullPolicy: Always}\ny: &y {imagePullPolicy: Never}\n" + podWith("<<: [*y, *x]"), "Never"},
	{"merge key in quotes", "x: &x {imagePullPolicy: Never}\n" + podWith("imagePullPolicy: Always", `"<<": *x`), "Always"},
	{"merge key in quotes behind a tag", "x: &x {imagePullPolicy: Never}\n" + podWith("imagePullPolicy: Always", `! "<<": *x`), "Never"},
	{"policy written twice", podWith("imagePullPolicy: Always", "imagePullPolicy: Never"), "Never"},
	{"alias as key", "x: &x imagePullPolicy\n" + podWith("*x : Never"), "Never"},
	{"binary key", podWith("!!binary aW1hZ2VQdWxsUG9saWN5: Never"), "Never"},
	{"binary key behind another tag", podWith("!<tag:yaml.org,2002:b%69nary> aW1hZ2VQdWxsUG9saWN5: Never"), "Never"},
	{"binary policy", podWith("imagePullPolicy: !!binary TmV2ZXI="), "Never"},
	{"binary kind", strings.Replace(podWith("imagePullPolicy: Never"), "kind:", "!!binary a2luZA==:", 1), "Never"},
	{"escape in a key", podWith(`"\x69magePullPolicy": Never`), "Never"},
	{"escape in the kind", strings.Replace(podWith("imagePullPolicy: Never"), "kind:", `"\x6bind":`, 1), "Never"},
	{"escaped end of line", strings.Replace(podWith("imagePullPolicy: Never"), "kind:", "? \"ki\\\n  nd\"\n:", 1), "Never"},
	{"key behind a question mark", strings.Replace(podWith("imagePullPolicy: Never"), "kind:", "? kind\n:", 1), "Never"},
	{"key behind a tag", strings.Replace(podWith("imagePullPolicy: Never"), "kind:", "!!str kind:", 1), "Never"},
	{"key behind a tag of our own", strings.Replace(podWith("imagePullPolicy: Never"), "kind:", "!x kind:", 1), "Never"},
	{"key behind an anchor", strings.Replace(podWith("imagePullPolicy: Never"), "kind:", "&x kind:", 1), "Never"},
	{"byte order mark in the second document", "a: 1\n---\n\ufeff" + podWith("imagePullPolicy: Never"), "Never"},
	{"CR", strings.ReplaceAll(podWith("imagePullPolicy: Never"), "\n", "\r"), "Never"},
	{"NEL", strings.ReplaceAll(podWith("imagePullPolicy: Never"), "\n", "\u0085"), "Never"},
	{"LS", strings.ReplaceAll(podWith("imagePullPolicy: Never"), "\n", "\u2028"), "Never"},
	{"directive before CR", "%YAML 1.1\r---\r" + podWith("imagePullPolicy: Never"), "Never"},
	{"UTF-16", "\xfe\xff\x00" + strings.Join(strings.Split(podWith("imagePullPolicy: Never"), ""), "\x00"), "Never"},
	{"block scalar before a separator", "a: |\n  x\n---\n" + podWith("imagePullPolicy: Never"), "Never"},
	{"JSON with a key twice", `{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"x","imagePullPolicy":"Always","imagePullPolicy":"Never"}]}}`, "Never"},
	{"items of a ConfigMap", "apiVersion: v1\nkind: ConfigMap\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec: {containers: [{image: x, imagePullPolicy: Never}]}\n- x: y\n", "Never"},
	{"item without a kind", "apiVersion: v1\nkind: PodList\nitems:\n- {apiVersion: v1, kind: Secret}\n- spec: {containers: [{image: x, imagePullPolicy: Never}]}\n", "Never"},
	{"list in a list", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: SecretList\n  items: [{apiVersion: v1, kind: Pod, spec: {containers: [{image: x, imagePullPolicy: Never}]}}]\n", "Never"},
	{"kind in the spec", "apiVersion: v1\nkind: Pod\nspec: {apiVersion: v1, kind: ConfigMap, containers: [{image: x, imagePullPolicy: Never}]}\n", "Never"},
	{"kind in the pod template", "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {apiVersion: kyverno.io/v1, kind: Policy, metadata: {name: x}, spec: {containers: [{image: x, imagePullPolicy: Never}]}}}\n", "Never"},
	{"kind in the job template", "apiVersion: batch/v1\nkind: CronJob\nspec: {jobTemplate: {apiVersion: kyverno.io/v1, kind: Policy, spec: {template: {spec: {containers: [{image: x, imagePullPolicy: Never}]}}}}}\n", "Never"},
	{"kind in the spec of a workflow", "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: {apiVersion: v1, kind: Pod, templates: [{name: a, container: {image: x, imagePullPolicy: Never}}]}\n", "Never"},
	{"kind in a template of a workflow", "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n  templateDefaults: {container: {imagePullPolicy: Never}}\n  templates: [{apiVersion: v1, kind: Pod, name: a, container: {image: x}}]\n", "Never"},
	{"keys in another case", podWith("imagepullpolicy: Always", "ImagePullPolicy: Always"), ""},
}

// podWith returns a Pod whose one container has the given lines.
func podWith(lines ...string) string {
	return "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: x\n    " + strings.Join(lines, "\n    ") + "\n"
}

// TestContainersAreThoseThatAreDeployed checks objects in disguise, as a file and with a search before the parser.
func TestContainersAreThoseThatAreDeployed(t *testing.T) {
	for _, test := range disguises {
		t.Run(test.name, func(t *testing.T) {
			result := render.Result{Documents: []render.Document{{Path: "app.yaml", Text: []byte(test.text)}}}
			manifests, err := result.Manifests(MayHoldContainers)
			if err != nil {
				t.Fatal(err)
			}
			var written []string
			for _, manifest := range manifests {
				for _, c := range Containers(manifest) {
					written = append(written, c.Written)
				}
			}
			if !slices.Equal(written, []string{test.want}) {
				t.Errorf("got the policies %q, want %q", written, test.want)
			}
			fuzzDecoded(t, []byte(test.text))
		})
	}
}

// FuzzDecoded holds that a check sees each container that the clients of the API server decode, with its image and its
// policy, in any text that can be parsed, and that no file with a container passes as a file without objects.
func FuzzDecoded(f *testing.F) {
	for _, test := range disguises {
		f.Add([]byte(test.text))
	}
	f.Fuzz(fuzzDecoded)
}

func fuzzDecoded(t *testing.T, text []byte) {
	decoded, _ := yamldoc.Decode(text)
	wanted := deployed(render.Objects(&render.Document{Path: "app.yaml"}, decoded))
	file := raw.Source{Manifests: []render.File{{Path: "app.yaml", Data: text}}}
	rendered, err := file.Render(t.Context(), render.In{})
	if err == nil && rendered.Skip != nil && len(wanted) > 0 {
		t.Fatalf("%q is skipped: %s", wanted, rendered.Skip.Reason)
	}
	if _, err := yamldoc.ParseStream(text); err != nil {
		return
	}
	result := render.Result{Documents: []render.Document{{Path: "app.yaml", Text: text}}}
	manifests, err := result.Manifests(MayHoldContainers)
	if err != nil {
		t.Fatal(err)
	}
	seen := deployed(manifests)
	for _, want := range wanted {
		same := func(got [3]string) bool {
			return got[0] == want[0] && (want[1] == other || got[1] == want[1]) && (want[2] == other || got[2] == want[2])
		}
		if !slices.ContainsFunc(seen, same) {
			t.Errorf("the check does not see %q, only %q", want, seen)
		}
	}
}

// other is what stands for a key, an image or a policy that is no text: the API server refuses it, and the parser writes it
// otherwise than the decoder.
const other = "-"

// notText matches the keys that the decoder may write otherwise than the parser: numbers and booleans.
var notText = regexp.MustCompile(`^(?:[-+.\d].*|(?i:y|n|yes|no|on|off|true|false))$`)

// deployed returns field, image and policy of each container.
func deployed(manifests []render.Manifest) [][3]string {
	var all [][3]string
	for _, manifest := range manifests {
		text := func(path yamldoc.Path) string {
			node, _ := yamldoc.Lookup(manifest.Node, path)
			if node = yamldoc.Resolve(node); node == nil || node.Kind != yaml.ScalarNode || node.Tag != "!!str" {
				return other
			}
			return node.Value
		}
		for _, c := range Containers(manifest) {
			field := slices.Clone(c.Field)
			for i, step := range field {
				if step.Index < 0 && notText.MatchString(step.Key) {
					field[i].Key = other
				}
			}
			all = append(all, [3]string{field.String(), text(c.ImageField), text(c.Field)})
		}
	}
	return all
}
