"""Inside a network: maps of any layer, attention, and how an image is passed through."""
