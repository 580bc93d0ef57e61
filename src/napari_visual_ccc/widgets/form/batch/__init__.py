"""A run on many images: the button below a form, and the dialog that it opens."""
