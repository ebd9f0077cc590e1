"""Floor 3: several brokers as one: interest between servers, the meta group, replicated streams."""
