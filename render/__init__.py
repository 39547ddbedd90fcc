"""Writes the program's manifests as files for other deployers: kubectl, Helm and Argo CD."""
