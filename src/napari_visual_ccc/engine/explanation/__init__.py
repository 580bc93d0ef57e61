"""Class activation maps, and tests of these maps."""
