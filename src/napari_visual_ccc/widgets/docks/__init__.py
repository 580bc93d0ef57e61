"""The dock widgets."""
