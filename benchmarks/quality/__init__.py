"""Right results on images like published ones: ``python -m benchmarks.quality DATA``."""
