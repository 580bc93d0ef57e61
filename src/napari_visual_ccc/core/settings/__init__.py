"""Settings of the user: for the viewer, the command line and scripts alike."""
