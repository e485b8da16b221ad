// Package render is the contract between what renders manifests and what reads them: a Source renders to a Result, whose
// documents hold Manifests with their positions.
//
// The engines (packages helm, kustomize, raw) bring the sources. Package discover finds them in a tree, and package
// declared finds the sources that objects declare, such as Argo CD's Applications. Nothing here knows of pull policies.
package render
