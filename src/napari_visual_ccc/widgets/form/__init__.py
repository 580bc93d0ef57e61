"""The form that the signature of an operation makes."""
