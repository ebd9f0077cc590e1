"""Floor 1: the client protocol, bytes to operations and back, sans-IO."""
