"""Runs that wait for their turn, and a worker started ahead of time."""
