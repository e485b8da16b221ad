// Package render is the contract between the engines, which render manifests, and the packages that read manifests: a
// Source renders to a Result, whose documents hold Manifests with their positions.
//
// The engines (packages helm, kustomize, raw) bring the source types. Package discover finds sources in a tree, and
// package declared finds the sources that objects declare, such as Argo CD's Applications. No package here knows of
// pull policies. For example:
//
//	charts/web + values-prod.yaml    helm.Source       Result: Deployment web, Service web
//	overlays/prod                    kustomize.Source  Result: Deployment api
//	apps.yaml, an Application        declared.Source   Result of the chart that the Application names
package render
