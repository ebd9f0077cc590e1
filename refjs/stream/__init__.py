"""Floor 2: a stream as a fold over its entries."""
