"""The part that knows napari and Qt. It holds no science."""
