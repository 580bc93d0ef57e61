"""What needs torch: architectures, models, inference and training."""
