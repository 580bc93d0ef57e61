"""Where the evidence for a class lies, and whether the map can be trusted."""
