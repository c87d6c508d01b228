"""Causes that the evidence of a recording proves, or is consistent with; one module for each kind of evidence."""
