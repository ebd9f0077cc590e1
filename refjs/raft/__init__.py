"""Floor 2: Raft, a replicated log as a sans-IO state machine.

``messages`` and ``encoding`` say what servers tell each other, ``config`` what can be chosen, ``state`` is the paper's
Figure 2, and each rule that changes the state has its module: ``election``, ``replication`` (the leader's side),
``following`` (the follower's), ``membership``.  ``outbox`` holds back what must not be told before it is durable,
``store`` keeps it on the ``Disk`` seam.  ``node.Raft`` is the whole, ``log.RaftLog`` puts it behind the ``Log`` seam.
"""
