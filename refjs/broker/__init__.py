"""Floor 3: one server: connections, accounts, JetStream; events in, effects out."""
