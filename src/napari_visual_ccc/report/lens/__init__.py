"""Pages of the AI lens."""
