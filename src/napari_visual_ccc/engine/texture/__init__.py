"""Texture maps."""
