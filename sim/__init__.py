"""Whole clusters of the shipped broker on a simulated network, disks and clocks."""
