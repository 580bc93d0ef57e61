"""Segment Anything models of transformers: loading, embedding of an image, masks of prompts."""
