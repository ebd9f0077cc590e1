"""The scenarios: each asks one question of a cluster, and its seed draws the plan of faults."""
