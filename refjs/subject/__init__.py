"""Floor 0: subjects, wildcards and the interest index."""
