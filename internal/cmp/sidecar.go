package cmp

import (
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"
)

// pluginSpec returns the spec of the ConfigManagementPlugin. It has no field discover: with it, the plugin would render
// every Application with a chart, also without a plugin in its source
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

// WritePlugin writes plugin.yaml, the configuration of the plugin in the sidecar.
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

// sidecar is the container that runs the plugin, as a format. Its arguments are the key of plugin.yaml in the
// ConfigMap, and the name of the volume with the ConfigMap.
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
    # Not the /tmp of the repo-server: the plugin must not see its files.
    - name: pullcheck-tmp
      mountPath: /tmp
`

// kustomizeSidecar is the patch for a kustomization of Argo CD, as a format. Its argument is the container.
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
          # Argo CD unpacks a repository here. The kubelet evicts a pod whose volume grows beyond this limit.
          emptyDir:
            sizeLimit: 2Gi
`

// helmSidecar has the values for the chart argo-cd, as a format. Its arguments are the spec of the plugin, and the
// container.
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
      # Argo CD unpacks a repository here. The kubelet evicts a pod whose volume grows beyond this limit.
      emptyDir:
        sizeLimit: 2Gi
`

// WriteSidecar writes the file that adds the sidecar to the repo-server: with the form "kustomize" a patch for a
// kustomization, and with the form "helm" values for the chart argo-cd. Any other form is an error.
func WriteSidecar(w io.Writer, form string) error {
	switch form {
	case "kustomize":
		container := fmt.Sprintf(sidecar, "plugin.yaml", "pullcheck-plugin")
		_, err := fmt.Fprintf(w, kustomizeSidecar, indented(8, container))
		return err
	case "helm":
		spec, err := yaml.Marshal(pluginSpec())
		if err != nil {
			return err
		}
		container := fmt.Sprintf(sidecar, "pullcheck.yaml", "argocd-cmp-cm")
		_, err = fmt.Fprintf(w, helmSidecar, indented(8, string(spec)), indented(4, container))
		return err
	}
	return fmt.Errorf("%q, expected kustomize or helm", form)
}

// indented returns a text with a number of spaces at the start of each line, and without the last line break.
func indented(spaces int, text string) string {
	prefix := strings.Repeat(" ", spaces)
	return prefix + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+prefix)
}
