"""Objects and phases as labels."""
