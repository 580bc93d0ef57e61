"""The AI lens: what the layers of a network make of an image, and what they look for."""
