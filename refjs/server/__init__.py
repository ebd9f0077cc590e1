"""Floor 4: the asyncio edge: sockets, the real clock, flags and signals."""
