"""Screening of labelled images: near-duplicates, properties of classes, micrographs of names."""
