"""Runs: events, the store, the supervisor. The run directory is the interface."""
