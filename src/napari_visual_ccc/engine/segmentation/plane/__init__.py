"""One plane of particles: lettering, background, side, level and mask."""
