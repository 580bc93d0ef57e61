"""Parts that several docks show."""
