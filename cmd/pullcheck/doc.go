/*
Pullcheck finds the containers that Kubernetes may start from a stale image.

Kubernetes starts a container from whatever image the node has cached, unless its imagePullPolicy is Always. Then the
kubelet asks the registry whether the cached image is still the one that the tag means, and downloads it only if it is not.
Pullcheck renders what a repository really deploys, reports every container without this check, and names the line that
decides its pull policy.

	pullcheck check [flags] [PATH...]          render, check and report; --fix writes proven fixes
	pullcheck render [flags] PATH              print the manifests as helm template and kustomize build do
	pullcheck review [flags]                   check what a pull request changed and review it on GitHub
	pullcheck hook [flags]                     check standard input and print it: Helm post-renderer, KRM function
	pullcheck generate                         print the manifests of a source, as Argo CD's config management plugin
	pullcheck why [flags] KIND/NAME FIELD PATH say where any field of a rendered object was decided
	pullcheck explain [RULE]                   print the documentation of a rule
	pullcheck version                          print the version

A PATH is a repository, a chart, a kustomization, a manifest or a file from which one of them is rendered; - is standard
input. `pullcheck COMMAND --help` lists the flags of a command, and README.md describes each command.

The exit code is 0 if nothing was found, 1 for findings at or above --fail-on, 2 for wrong usage, and 3 if a source could not
be rendered or read.

This package holds flags and printing. The pipeline is package check/scan.
*/
package main
