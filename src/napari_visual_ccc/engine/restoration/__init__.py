"""Corrections: background, stripes, drift, noise."""
