"""Whether images that are opened are fit for analysis, said at once."""
