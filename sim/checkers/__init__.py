"""The judges of a history: one linear-time checker per property, each shown to fail by a test."""
