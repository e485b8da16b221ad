// Package argoparity holds render/argocd/appset to Argo CD: it expands ApplicationSets with both and compares the
// Applications. It is a module of its own, so that the product does not depend on Argo CD. Its tests need git.
package argoparity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/v3/applicationset/controllers/template"
	"github.com/argoproj/argo-cd/v3/applicationset/generators"
	"github.com/argoproj/argo-cd/v3/applicationset/utils"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/git"
	"github.com/sirupsen/logrus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

const repoURL = "https://example.com/ours.git"

func isThisRepository(url string) bool { return url == repoURL }

// errOffline stands for the errors of what Argo CD would ask over the network.
var errOffline = errors.New("not available offline")

func TestMain(m *testing.M) {
	logrus.SetOutput(io.Discard)
	_ = os.Setenv("ARGOCD_LOG_LEVEL", "error")
	for _, variable := range os.Environ() { // A git hook sets GIT_DIR and others.
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "GIT_") {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// panics begins the error for a panic of Argo CD.
const panics = "Argo CD panics"

// expandWithArgoCD returns the Applications that Argo CD's own code makes of an ApplicationSet, in YAML, over a
// checkout. A panic of Argo CD is an error.
func expandWithArgoCD(object []byte, repo checkout) (apps []v1alpha1.Application, err error) {
	var set v1alpha1.ApplicationSet
	// Decoding YAML would make a string of a boolean, where the API server refuses it.
	data, err := yaml.YAMLToJSON(object)
	if err == nil {
		err = json.Unmarshal(data, &set)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if value := recover(); value != nil {
			apps, err = nil, fmt.Errorf("%s: %v", panics, value)
		}
	}()
	logger := logrus.NewEntry(logrus.StandardLogger())
	apps, _, err = template.GenerateApplications(logger, set, supportedGenerators(repo), &utils.Render{}, projects{})
	return apps, err
}

// supportedGenerators wires generators as Argo CD's generators.GetGenerators does. Those that ask the network fail.
func supportedGenerators(repo checkout) map[string]generators.Generator {
	withTerminals := func(more map[string]generators.Generator) map[string]generators.Generator {
		all := map[string]generators.Generator{
			"List": generators.NewListGenerator(),
			"Git":  generators.NewGitGenerator(repo, "argocd"),
		}
		for _, name := range []string{"Clusters", "SCMProvider", "ClusterDecisionResource", "PullRequest", "Plugin"} {
			all[name] = offlineGenerator{}
		}
		for name, generator := range more {
			all[name] = generator
		}
		return all
	}
	withCombinations := func(children map[string]generators.Generator) map[string]generators.Generator {
		return withTerminals(map[string]generators.Generator{
			"Matrix": generators.NewMatrixGenerator(children),
			"Merge":  generators.NewMergeGenerator(children),
		})
	}
	return withCombinations(withCombinations(withTerminals(nil)))
}

// offlineGenerator is a generator whose parameters cannot be known offline.
type offlineGenerator struct{ generators.Generator }

func (offlineGenerator) GetTemplate(*v1alpha1.ApplicationSetGenerator) *v1alpha1.ApplicationSetTemplate {
	return &v1alpha1.ApplicationSetTemplate{}
}

func (offlineGenerator) GenerateParams(
	*v1alpha1.ApplicationSetGenerator, *v1alpha1.ApplicationSet, client.Client,
) ([]map[string]any, error) {
	return nil, errOffline
}

// projects is a cluster in which every AppProject exists and is empty.
type projects struct{ client.Client }

func (projects) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return nil
}

// checkout is a directory with a git index. It stands for Argo CD's repository server
// (reposerver/repository/repository.go).
type checkout struct{ dir string }

// newCheckout writes files to a directory and adds those to an index that .gitignore does not ignore.
func newCheckout(t testing.TB, files map[string][]byte) checkout {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, arguments := range [][]string{{"init", "-q"}, {"add", "--all"}, {"clean", "-q", "-d", "-x", "-f"}} {
		command := exec.Command("git", arguments...)
		command.Dir = dir
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", arguments, err, output)
		}
	}
	return checkout{dir}
}

// GetFiles finds files as the method GetGitFiles of the repository server does.
func (c checkout) GetFiles(
	_ context.Context, url, _, _, pattern string, _ bool, _ *v1alpha1.SourceIntegrity,
) (map[string][]byte, error) {
	if !isThisRepository(url) {
		return nil, errOffline
	}
	repository, err := git.NewClientExt(url, c.dir, git.NopCreds{}, false, false, "", "")
	if err != nil {
		return nil, err
	}
	names, err := repository.LsFiles(pattern, false)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[name], err = os.ReadFile(filepath.Join(c.dir, name)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// GetDirectories finds directories as the method GetGitDirectories of the repository server does.
func (c checkout) GetDirectories(
	_ context.Context, url, _, _ string, _ bool, _ *v1alpha1.SourceIntegrity,
) ([]string, error) {
	if !isThisRepository(url) {
		return nil, errOffline
	}
	var directories []string
	err := fs.WalkDir(os.DirFS(c.dir), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir() || name == ".":
			return nil
		case strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		}
		directories = append(directories, name)
		return nil
	})
	return directories, err
}
