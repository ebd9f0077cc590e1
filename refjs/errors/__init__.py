"""Floor 0: the table of API errors."""
