"""Readers, writers and samples of the napari manifest."""
