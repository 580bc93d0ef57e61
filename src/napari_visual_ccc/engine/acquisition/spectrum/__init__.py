"""What the spectrum and the differences of pixels tell of detail and enlargement."""
