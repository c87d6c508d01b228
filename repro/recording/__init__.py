"""Recordings: runs whose training somebody's own program made, under the recorder."""
