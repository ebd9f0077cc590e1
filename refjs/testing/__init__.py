"""Floor 4: an in-process server whose clock the test moves."""
