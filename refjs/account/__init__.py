"""Floor 2: accounts and the subscriptions that live in them."""
