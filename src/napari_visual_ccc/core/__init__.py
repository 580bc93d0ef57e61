"""Values that every other part shares: images, pixel sizes, results, progress. NumPy only."""
