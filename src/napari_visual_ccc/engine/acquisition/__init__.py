"""How an image was taken: quality, noise, drift and the info bar."""
