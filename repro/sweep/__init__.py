"""Sweeps: the same scenarios over many seeds, and the rate at which each claim holds."""
