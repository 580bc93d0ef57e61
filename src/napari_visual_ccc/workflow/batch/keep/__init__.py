"""What a batch keeps: files that are not its own, and what is done where it ends early."""
