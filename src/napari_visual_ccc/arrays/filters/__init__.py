"""Filters of images of any size."""
