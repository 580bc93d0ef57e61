"""What a model says of an image, whole or window by window."""
