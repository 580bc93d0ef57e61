"""Label maps and masks that were saved as pictures."""
