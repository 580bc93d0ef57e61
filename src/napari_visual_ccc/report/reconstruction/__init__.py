"""Report on an autoencoder."""
