"""Scenarios: typed, strictly loaded, data only."""
