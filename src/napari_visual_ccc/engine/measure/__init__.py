"""Size, shape and grey level of labelled regions."""
