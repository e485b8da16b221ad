package cmp

import (
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"
)

// pluginSpec returns the spec of the plugin. It has no discover, which would take over all charts from Argo CD
// (docs/operator-manual/config-management-plugins.md).
func pluginSpec() map[string]any {
	return map[string]any{
		"generate": map[string]any{"command": []string{"pullcheck", "generate"}},
		"parameters": map[string]any{
			"static":  Policy,
			"dynamic": map[string]any{"command": []string{"pullcheck", "generate", "--parameters"}},
		},
	}
}

// WritePlugin prints the plugin.yaml of the sidecar.
func WritePlugin(w io.Writer) error {
	data, err := yaml.Marshal(map[string]any{
		"apiVersion": "argoproj.io/v1alpha1",
		"kind":       "ConfigManagementPlugin",
		"metadata":   map[string]any{"name": PluginName},
		"spec":       pluginSpec(),
	})
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// sidecar is the container. Its verbs are the key of plugin.yaml in the ConfigMap, and the name of the volume.
const sidecar = `- name: pullcheck
  # The image that the Dockerfile of pullcheck makes, wherever you keep it.
  image: pullcheck/pullcheck:main
  imagePullPolicy: Always
  command: [/var/run/argocd/argocd-cmp-server]
  securityContext:
    runAsNonRoot: true
    runAsUser: 999
    readOnlyRootFilesystem: true
    allowPrivilegeEscalation: false
    capabilities:
      drop: [ALL]
    seccompProfile:
      type: RuntimeDefault
  resources:
    requests:
      cpu: 100m
      memory: 256Mi
    limits:
      memory: 1Gi
  volumeMounts:
    - name: var-files
      mountPath: /var/run/argocd
    - name: plugins
      mountPath: /home/argocd/cmp-server/plugins
    - name: %[2]s
      mountPath: /home/argocd/cmp-server/config/plugin.yaml
      subPath: %[1]s
    # Not the /tmp of the repo-server: what it keeps there is none of the plugin's.
    - name: pullcheck-tmp
      mountPath: /tmp
`

const kustomizeSidecar = `# Beside your kustomization.yaml of Argo CD, as pullcheck-sidecar.yaml:
#
#   patches:
#     - path: pullcheck-sidecar.yaml
#   configMapGenerator:
#     - name: pullcheck-plugin
#       files: [plugin.yaml] # pullcheck generate --print-plugin > plugin.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: argocd-repo-server
spec:
  template:
    spec:
      containers:
%s
      volumes:
        - name: pullcheck-plugin
          configMap:
            name: pullcheck-plugin
        - name: pullcheck-tmp
          emptyDir: {}
`

const helmSidecar = `# Values for the chart argo-cd: helm upgrade … -f pullcheck-values.yaml
configs:
  cmp:
    create: true
    plugins:
      pullcheck:
%s
repoServer:
  extraContainers:
%s
  volumes:
    - name: argocd-cmp-cm
      configMap:
        name: argocd-cmp-cm
    - name: pullcheck-tmp
      emptyDir: {}
`

// WriteSidecar prints what adds the sidecar to the repo-server. The form is "kustomize" for a patch in a kustomization, or
// "helm" for values of the chart argo-cd.
func WriteSidecar(w io.Writer, form string) error {
	switch form {
	case "kustomize":
		_, err := fmt.Fprintf(w, kustomizeSidecar, indented(8, fmt.Sprintf(sidecar, "plugin.yaml", "pullcheck-plugin")))
		return err
	case "helm":
		spec, err := yaml.Marshal(pluginSpec())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, helmSidecar, indented(8, string(spec)), indented(4, fmt.Sprintf(sidecar, "pullcheck.yaml", "argocd-cmp-cm")))
		return err
	}
	return fmt.Errorf("%q, expected kustomize or helm", form)
}

func indented(spaces int, text string) string {
	prefix := strings.Repeat(" ", spaces)
	return prefix + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+prefix)
}
