"""The catalogue of operations, how one is run, and the record of it."""
