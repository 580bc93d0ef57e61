"""The one optimiser and what it is given."""
