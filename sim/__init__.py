"""Whole clusters of the shipped core on simulated networks, disks and clocks: each run judged, replayed by its seed.

The world: ``world`` (time and randomness), ``network`` and ``tcp``, ``disk``, ``clock``, ``server``.  Trouble:
``plan`` (faults as data) and ``nemesis`` (carries them out).  Who is simulated: ``raft_group`` (Raft alone) and
``jetstream_cluster`` (whole servers) with ``session`` and ``clients``.  What is kept: ``history``, judged by
``checkers``, drawn by ``timeline``.  ``scenario`` is one run of all that, ``campaign`` are many, ``command`` is
``refjs sim``.
"""
