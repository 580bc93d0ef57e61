"""Classifiers trained on labelled images: audit, split, training."""
