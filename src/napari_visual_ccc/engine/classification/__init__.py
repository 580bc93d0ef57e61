"""Classification of images and of windows of micrographs."""
