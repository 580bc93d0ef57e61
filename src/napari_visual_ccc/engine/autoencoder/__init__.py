"""Autoencoders: training, reconstruction, anomaly maps."""
