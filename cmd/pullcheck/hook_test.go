package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"helm.sh/helm/v3/pkg/postrender"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/pullcheck/pullcheck/render"
	"github.com/pullcheck/pullcheck/render/helm"
)

// typedHelm is the program that scripts run as helm. It has env, template and install, without a cluster. It
// post-renders with Helm's own library: with a command as in Helm 3 or, if HELM_PLUGINS is set, with the command of a
// plugin as in Helm 4. It renders with the engine of this program, which tests hold to Helm: Helm's pkg/action would
// slow down the start of every process of every script.
func typedHelm() {
	flags := pflag.NewFlagSet("helm", pflag.ExitOnError)
	renderer := flags.String("post-renderer", "", "")
	arguments := flags.StringArray("post-renderer-args", nil, "")
	_ = flags.Parse(os.Args[1:]) // It exits on errors.
	if flags.Arg(0) == "env" {
		fmt.Println(os.Getenv(flags.Arg(1)))
		return
	}
	source := helm.Source{Engine: &helm.Engine{}, Path: flags.Arg(2), Options: helm.Options{ReleaseName: flags.Arg(1)}}
	result, err := source.Render(context.Background(), render.In{Tree: os.DirFS(".")})
	if err != nil {
		log.Fatal(err)
	}
	manifests := bytes.NewBuffer(bytes.TrimLeft(result.Text, "\n")) // A chart without manifests gives no text, also no line feed.
	if *renderer != "" {
		command := []string{*renderer}
		if plugins := os.Getenv("HELM_PLUGINS"); plugins != "" {
			command = pluginCommand(filepath.Join(plugins, *renderer, "plugin.yaml"))
		}
		post, err := postrender.NewExec(command[0], slices.Concat(command[1:], *arguments)...)
		if err != nil {
			log.Fatal(err)
		}
		if manifests, err = post.Run(manifests); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Print(manifests)
}

// pluginCommand returns the command that Helm 4 runs for a post-renderer (internal/plugin/runtime_subprocess.go of
// helm.sh/helm/v4), if Helm 4 would accept the manifest of the plugin.
func pluginCommand(name string) []string {
	var plugin struct {
		APIVersion, Name, Type, Version, Runtime string
		RuntimeConfig                            struct {
			PlatformCommand []struct {
				Command string
				Args    []string
			}
		}
	}
	data, err := os.ReadFile(name)
	if err == nil {
		err = yaml.UnmarshalStrict(data, &plugin)
	}
	if err == nil && (plugin.APIVersion != "v1" || plugin.Type != "postrenderer/v1" || plugin.Runtime != "subprocess" ||
		plugin.Name != filepath.Base(filepath.Dir(name)) || !regexp.MustCompile(`^\d+\.\d+\.\d+`).MatchString(plugin.Version)) {
		err = errors.New("no post-renderer")
	}
	if err != nil {
		log.Fatalf("%s: %v", name, err)
	}
	command := plugin.RuntimeConfig.PlatformCommand[0]
	return append([]string{command.Command}, command.Args...)
}

// typedKustomize is the program that scripts run as kustomize. It has build, with Kustomize's own library.
func typedKustomize() {
	flags := pflag.NewFlagSet("kustomize", pflag.ExitOnError)
	plugins := flags.Bool("enable-alpha-plugins", false, "")
	functions := flags.Bool("enable-exec", false, "")
	_ = flags.Parse(os.Args[1:]) // It exits on errors.
	options := krusty.MakeDefaultOptions()
	if *plugins {
		options.PluginConfig = types.EnabledPluginConfig(types.BploUseStaticallyLinked)
	}
	options.PluginConfig.FnpLoadingOptions.EnableExec = *functions
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), flags.Arg(1))
	if err != nil {
		log.Fatal(err)
	}
	text, err := resources.AsYaml()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
}

// TestPreCommitHooksTakeAnyFile: the command of each hook in .pre-commit-hooks.yaml accepts a file that no source
// reads, and the hook runs for files that may be part of a source.
func TestPreCommitHooksTakeAnyFile(t *testing.T) {
	data, err := os.ReadFile("../../.pre-commit-hooks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// https://pre-commit.com/#new-hooks
	var hooks []struct {
		ID                      string `json:"id"`
		Name                    string `json:"name"`
		Description             string `json:"description"`
		Entry                   string `json:"entry"`
		Language                string `json:"language"`
		Files                   string `json:"files"`
		RequireSerial           bool   `json:"require_serial"`
		MinimumPreCommitVersion string `json:"minimum_pre_commit_version"`
	}
	if err := yaml.UnmarshalStrict(data, &hooks); err != nil {
		t.Fatal(err)
	}
	for _, hook := range hooks {
		entry := strings.Fields(hook.Entry)
		command := &Command{Stdin: strings.NewReader(""), Stdout: new(strings.Builder), Stderr: new(strings.Builder)}
		if code := command.Run(t.Context(), append(entry[1:], "../../LICENSE")); entry[0] != "pullcheck" || code != exitClean {
			t.Errorf("%s: on a file that is part of nothing the exit code is %d: %s", hook.ID, code, command.Stderr)
		}
		files := regexp.MustCompile(hook.Files)
		for name, want := range map[string]bool{
			"a/values.yaml": true, "b.yml": true, "pod.json": true, "templates/_helpers.tpl": true, "charts/a-1.0.0.tgz": true,
			"Chart.lock": true, "a/Chart.lock": true, "a/Kustomization": true,
			"README.md": false, "main.go": false, "go.lock": false, "yaml": false, "a.yaml.txt": false,
		} {
			if got := files.MatchString(name); got != want {
				t.Errorf("%s: %s is matched: %v, want %v", hook.ID, name, got, want)
			}
		}
	}
}
