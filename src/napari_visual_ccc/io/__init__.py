"""Files: reading and writing images, data sets."""
