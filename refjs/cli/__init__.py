"""Floor 5: the ``refjs`` command."""
