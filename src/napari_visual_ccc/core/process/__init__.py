"""A process among others: how it ends by signals, and locks of files."""
