"""Layers of the viewer: inputs of operations, and results as layers."""
