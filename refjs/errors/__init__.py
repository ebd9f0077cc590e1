"""Floor 0: the table of API errors and the two other kinds of failure."""
