"""Floor 2: a consumer as a fold over its entries, and who is waiting for its messages."""
