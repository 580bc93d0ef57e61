"""Promptable segmentation: masks of points, boxes and labels with Segment Anything."""
