"""Floor 2: Raft as a sans-IO state machine behind the ``Log`` seam."""
