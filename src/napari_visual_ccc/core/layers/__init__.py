"""Layers of a result: pixels, labels, points and shapes in the frame of a source image."""

from .base import Frame, Index, Layer, LayerStack, Placement
from .coordinates import PointsLayer, ShapesLayer, outline
from .pixels import ChannelsLayer, ColourLayer, ImageLayer, LabelsLayer, Style

__all__ = [
    "ChannelsLayer", "ColourLayer", "Frame", "ImageLayer", "Index", "LabelsLayer", "Layer",
    "LayerStack", "Placement", "PointsLayer", "ShapesLayer", "Style", "outline",
]  # fmt: skip
