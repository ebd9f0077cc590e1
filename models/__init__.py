"""Abstract models, the exhaustive explorer and the invariants."""
