"""Figures of results in scripts and notebooks."""
