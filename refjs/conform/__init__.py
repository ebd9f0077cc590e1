"""Floor 4: the oracle: vectors, targets, verdicts and reports."""
