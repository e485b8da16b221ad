/*
Pullcheck finds the containers that Kubernetes may start from a stale image.

Kubernetes starts a container from whatever image the node has cached, unless its imagePullPolicy is Always;
then the kubelet asks the registry whether the cached image is still the one that the tag means, and downloads
only if it is not. Pullcheck renders what a repository really deploys and reports every container for which
that does not hold.

	pullcheck check [flags] [PATH...]

finds the sources at and below each PATH (default: the working directory), renders them and reports. A source
is a Helm chart with its defaults or with the values of one environment, a Kustomize overlay, or a manifest
file, or what an Application of Argo CD renders. A PATH is a repository, a chart (a directory or a packaged chart), a kustomization, a manifest or a
directory of such; - is standard input. A PATH that is a file stands for all that is rendered from it, wherever that is in the tree: what Helm reads for the chart and the
charts that depend on it, the values of an environment for that, and what a kustomization names for the overlays that
use it; any other file stands for itself. With --ignore-unknown a PATH with nothing to check is clean and not a mistake. The values files of environments are
found where people put them in the chart: values-prod.yaml and prod-values.yaml, also with . or _ for the -,
values/prod.yaml, env/prod.yaml, env/prod/values.yaml (also in envs, environment and environments) and
ci/prod-values.yaml, also as .yml. With -f, the given files are the values of every chart, and nothing else.

With --since REV it checks only the sources that can be different from where HEAD parted from the revision, and reports
what is new. With --diff it prints, as a unified diff, the edits that put findings right, and writes nothing; with --fix it writes them
and reports what remains. See Fixes.

	pullcheck render [flags] PATH

prints the manifests of one source, byte for byte what `helm template` and `kustomize build` print. PATH may be a file with an
Application of Argo CD.

	pullcheck review [flags]

checks what a pull request changed and reviews it on GitHub. The pull request is that of the event in $GITHUB_EVENT_PATH (--event),
$GITHUB_TOKEN writes the review, and $GITHUB_API_URL, $GITHUB_GRAPHQL_URL and $GITHUB_SERVER_URL say where GitHub is. The head is read
from git, and what a shallow clone lacks is fetched. There is one review with a comment on each line that decides, one summary for the
rest, and nothing that stands there already is written again. Where the token may not write, the same is in workflow commands; in
any case it is in $GITHUB_STEP_SUMMARY, and the numbers in $GITHUB_OUTPUT. With --dry-run it prints what a first review would be, also without
GitHub between two revisions (--base, --head). Ignore comments that the pull request adds are named; they do not count with --trust
base, nor where the head comes from a fork.

	pullcheck hook [flags]

checks the manifests on standard input and prints them on standard output, byte for byte, as a whole or not at all; the report is on
standard error, and its places are those of the input. At findings at or above --fail-on it prints nothing. With --mutate
it prints them with what can be corrected corrected, as --fix does it. Input without an object is an error unless it holds comments alone, and
empty input unless --allow-empty is given. It is a post-renderer of Helm 3; --print-helm-plugin prints the plugin.yaml that makes
it one of Helm 4.

A ResourceList (config.kubernetes.io/v1, v1beta1 or v1alpha1) makes it a KRM function: it prints the list with an entry in results for
each finding and correction, also at findings at or above --fail-on. The functionConfig goes before the flags: mutate and failOn in the data of
a ConfigMap, or in the spec of another object. Another key is a wrong configuration.

	pullcheck generate

is the config management plugin of Argo CD: in the path of a source and with Argo CD's environment (ARGOCD_APP_NAME, ARGOCD_APP_NAMESPACE,
ARGOCD_APP_SOURCE_PATH, ARGOCD_APP_PARAMETERS, KUBE_VERSION, KUBE_API_VERSIONS) it prints the manifests, as a whole or not at all, and the report on
standard error. --print-plugin and --print-sidecar print what installs it, and --parameters what it takes.

	pullcheck why [flags] KIND/NAME FIELD PATH

prints where a field of an object of one source was decided, for any scalar field that is there or that is missing in a
mapping that is there. KIND is a kind, its plural or its short name; FIELD is a path such as spec.replicas,
spec.template.spec.containers[api].image or data["a.b"]; the flags are those of render.

	pullcheck explain [RULE]

prints the documentation of a rule, or lists the rules.

# What is read

An Application, in a file or in what another source renders to, whose source is this repository (by the remote origin, or
--repo-url) is rendered as Argo CD would, in the place of the defaults of its path; one whose source is a chart, from its
repository. The flags that say how charts are rendered do not hold for it. ApplicationSets are expanded for the generators list, git, matrix and
merge. What cannot be rendered here is skipped, with the reason.

Paths in reports are relative to the git repository around the first PATH or, outside of one, to the working
directory (to PATH itself if it is not below that); all PATHs must be in it. Nothing outside of it is read, but
for files that -f and --set-file name, Helm's and Docker's own configuration, and the cache of what was
downloaded, pullcheck in the user's cache directory ($XDG_CACHE_HOME or ~/.cache). Dependencies of charts that are not vendored in charts/ are downloaded in the
version that Chart.lock names, or else the newest that Chart.yaml accepts; remote bases of kustomizations are
fetched with git, also those that a file:// URL names; --offline forbids both.
Nothing is written to the tree but by --fix. A values.schema.json that refers to another schema by URL is resolved by
Helm's library, which opens that URL, also with --offline.

# Decisions

A finding is at the line whose edit changes the outcome, and says which lines are on the way from there to the object
(via). The source is rendered again with marks in place of values; the mark that comes out in the field names its line.
A flag has no line. A field that is missing is decided by the mapping in a values file that would have to get a key, if
templates read one, and else by what stands beside it. A decision is not exact where no mark came out: it is then the
line that writes the field or, without a line, the file that the object comes from.

# Fixes

A fix is edits of files of the tree. It is proven: the edits are made in memory, every checked source that reads the edited
files is rendered again, and the fix counts only if its finding is gone, there is no new one, and nothing differs but pull
policies that have become Always, and what differs from one render to the next anyway. Tried are, in this order: the value that
decides; a key that the templates read and nothing sets; a line behind the container's image; the value of a packaged
dependency in the values of the chart that depends on it; a patch in the kustomization that fetches a base. The first
that is proven is the fix. Images that are pinned by digest are never fixed.

Each file is replaced by a new one, with the mode and owner of the old one, so that it is old or new also where
the program is killed; a file whose name begins with .pullcheck- may then be left. A file that has changed since it was read is not
written, nor one to which a symbolic link leads. Changes that are not committed stay, with the fix added to them.

# Exceptions

A comment on the line of a decision, or alone on the line above it, suppresses the finding:

	# pullcheck: ignore[RULE,...] REASON

In templates it may also be in a comment of the template on one line, with or without the # sign. JSON has no comments. The reason is
required, as are the rules: a comment without them, or with an unknown rule, does not count, and the finding says so (on standard error where
the report is JSON or a diff). What is suppressed does not count for --fail-on, --fix and --diff; it is in the tally, and
--show-suppressed lists it. Only files that are kept in the repository can make exceptions: not a packaged chart, what was
fetched, what .gitignore names, a submodule, or standard input.

# Exit codes

	0  clean
	1  findings at or above --fail-on (default: warning)
	2  wrong usage or configuration
	3  a source could not be rendered or read, whatever else was found

# Limits

The memory is kept below about 300 MiB by collecting garbage; GOGC and GOMEMLIMIT count where they are set.
A chart sees no cluster: lookup returns nothing, as in `helm template`. Executables and containers as
Kustomize plugins are not run. Left out are node_modules, what .gitignore names, even where git tracks it, and
YAML beside a kustomization that does not name it, unless PATH does. The podSpecPatch of Argo Workflows is text
and is not read.
*/
package main
