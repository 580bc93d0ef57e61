"""Concordance of an explanation with a segmentation: on which phases the evidence lies."""
