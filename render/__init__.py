"""Writes what the program deploys as files for other deployers: kubectl, Helm and Argo CD."""
