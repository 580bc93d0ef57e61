"""Training of networks: tasks, options, the optimiser and its state files."""
