"""What forms share: rows of fields, and keys."""
