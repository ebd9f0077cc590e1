"""The picture of a run shows what the history says."""

from __future__ import annotations

import numpy as np

from sim.checkers.evidence import collect
from sim.history import Ended, Mark, Marked
from sim.timeline import Role, Span, draw, lanes
from tests.sim.histories import acked, history, led, quiet, unknown


def test_a_lane_follows_the_marks() -> None:
    """A server's lane shows leadership by term, pauses, downs and cuts, each from its mark to the next."""
    run = history(
        led(10, "n1", 1),
        Marked(15, Mark.CUT, "n1"),
        Marked(20, Mark.PAUSED, "n1"),
        Marked(25, Mark.HEALED, "n1"),
        Marked(30, Mark.RESUMED, "n1"),
        led(40, "n1", 1, mark=Mark.DEPOSED),
        Marked(50, Mark.KILLED, "n1"),
        Marked(60, Mark.STARTED, "n1"),
        Ended(70, 1, 1),
    )
    first, second = lanes(collect(run), "g")

    assert first.spans == (
        Span(0, 10, Role.FOLLOWER),
        Span(10, 20, Role.LEADER, 1),
        Span(20, 30, Role.PAUSED),
        Span(30, 40, Role.LEADER, 1),
        Span(40, 50, Role.FOLLOWER),
        Span(50, 60, Role.DOWN),
        Span(60, 70, Role.FOLLOWER),
    )
    assert (first.cuts, second.spans) == (((15, 25),), (Span(0, 70, Role.FOLLOWER),))


def test_every_publish_is_a_dot() -> None:
    """The middle panel shows each publish, by its outcome."""
    figure = draw(history(led(1, "n1", 1), acked(1, 1, 0, 10), acked(2, 2, 20, 30), unknown(3, 40), quiet(50, 60)))
    dots = {str(shown.get_label()): np.asarray(shown.get_offsets()).shape[0] for shown in figure.axes[1].collections}

    assert (dots["acknowledged (2)"], dots["outcome unknown (1)"]) == (2, 1)
