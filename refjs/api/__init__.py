"""Floor 2: requests and answers of ``$JS.API.>``, JSON to records and back."""
