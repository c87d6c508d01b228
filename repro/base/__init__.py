"""Errors, text, files and locks: what every part of the engine uses."""
