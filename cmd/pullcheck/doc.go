// Pullcheck finds the containers that Kubernetes may start from a stale image.
//
// Kubernetes starts a container from the image that the node has cached, unless the imagePullPolicy of the container
// is Always. With Always, the kubelet first asks the registry which image the tag names now, and downloads that image
// only if the node does not have it. Pullcheck renders the manifests that a repository really deploys, reports every
// container without this check, and names the line that decides its pull policy.
//
//	pullcheck check [flags] [PATH...]          render, check and report; --fix writes proven fixes
//	pullcheck render [flags] PATH              print the manifests as helm template and kustomize build do
//	pullcheck review [flags]                   check what a pull request changed and review it on GitHub
//	pullcheck hook [flags]                     check standard input and print it: Helm post-renderer, KRM function
//	pullcheck generate                         print the manifests of a source, as Argo CD's config management plugin
//	pullcheck why [flags] KIND/NAME FIELD PATH say where any field of a rendered object was decided
//	pullcheck explain [RULE]                   print the documentation of a rule
//	pullcheck version                          print the version
//
// A PATH is a repository, a chart, a kustomization, a manifest or a file from which one of them is rendered; - is
// standard input. `pullcheck COMMAND --help` lists the flags of a command, and README.md describes each command.
//
// The exit code is 0 if there are no findings, 1 for findings at or above --fail-on, 2 for wrong usage, and 3 if a
// source could not be rendered or read.
//
// # For developers
//
// Each subcommand has a file of its own. It parses flags, calls a package that does the work, and prints the result.
// The work is in check/scan (check, hook, review), internal/review, internal/cmp (generate), internal/krm (hook) and
// internal/lookup (why). Only this package reads the environment and the working directory, from a Command. So tests
// run many commands in one process.
//
// A test of a whole command is a script in testdata/script, which shows what the user types and sees (TestScripts).
package main
