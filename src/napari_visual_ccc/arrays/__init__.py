"""Arrays of any size: lazy reading, tiles, stacks, histograms and reductions."""
