"""Floor 0: the vocabulary every room shares: units, identities, configurations, profiles."""
