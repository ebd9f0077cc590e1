"""Floor 1: the seams to durability: ``Disk``, ``Log`` and the binary codec."""
