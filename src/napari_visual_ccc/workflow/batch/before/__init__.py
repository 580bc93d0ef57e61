"""What a batch finds before it begins."""
