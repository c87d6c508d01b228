"""Widgets that show figures of runs."""
