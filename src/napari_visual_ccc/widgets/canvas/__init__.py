"""What lies on the canvas beside the layers."""
