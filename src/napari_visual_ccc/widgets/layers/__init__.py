"""From layers to arrays, and from results to layers."""
