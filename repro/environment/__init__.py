"""Environments: find, install, check, probe."""
