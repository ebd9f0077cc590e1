"""The linear-time judge of appends against a search over all orders."""

from __future__ import annotations

from hypothesis import event, given, settings
from hypothesis import strategies as st

from sim.checkers.evidence import NEVER, Evidence, Publish
from sim.checkers.publishing import linearizable
from sim.history import Outcome

Model = tuple[int, tuple[tuple[str, int], ...]]
"""A stream as the search sees it: the last sequence, and the sequence stored for each message ID."""


def explained(publishes: list[Publish]) -> bool:
    """Search, by brute force, an order of the publishes that a stream with deduplication could have answered so."""
    targets = {p.message_id: p.seq for p in publishes if p.outcome is Outcome.OK}

    def search(model: Model, left: tuple[int, ...]) -> bool:
        if all(publishes[i].outcome is Outcome.UNKNOWN for i in left):
            return True
        first_end = min(publishes[i].completed for i in left)
        return any(
            search(after, tuple(j for j in left if j != i))
            for i in left
            if publishes[i].invoked <= first_end
            for after in outcomes(model, publishes[i])
        )

    def outcomes(model: Model, publish: Publish) -> list[Model]:
        last, stored = model
        known = dict(stored).get(publish.message_id)
        seq = targets.get(publish.message_id)
        if publish.outcome is Outcome.UNKNOWN:
            fresh = seq is not None and known is None and seq > last
            return [model, (seq, (*stored, (publish.message_id, seq)))] if fresh and seq is not None else [model]
        if publish.duplicate:
            return [model] if known == publish.seq else []
        return (
            [(publish.seq, (*stored, (publish.message_id, publish.seq)))]
            if known is None and publish.seq > last
            else []
        )

    return search((0, ()), tuple(range(len(publishes))))


@st.composite
def publishes(draw: st.DrawFn) -> list[Publish]:
    """Up to seven publishes of a few message IDs, each ID acknowledged with one sequence and as new at most once."""
    sequence_of = dict(zip("abcde", draw(st.permutations(range(1, 6))), strict=True))
    fresh: set[str] = set()
    result = []
    for _ in range(draw(st.integers(0, 7))):
        message_id = draw(st.sampled_from("abcde"))
        invoked = draw(st.integers(0, 12))
        publish = Publish("p", message_id, invoked, message_id)
        if draw(st.integers(0, 3)):
            publish.outcome = Outcome.OK
            publish.completed = invoked + draw(st.integers(0, 6))
            publish.seq = sequence_of[message_id]
            publish.duplicate = message_id in fresh or draw(st.booleans())
            if not publish.duplicate:
                fresh.add(message_id)
        result.append(publish)
    return sorted(result, key=lambda p: p.invoked)


@settings(max_examples=1500, deadline=None)
@given(publishes())
def test_the_fast_judge_agrees_with_the_search(history: list[Publish]) -> None:
    """The walk by sequence accepts a history exactly when some order of its appends explains it."""
    expected = explained(history)
    event(f"linearizable: {expected}")

    assert linearizable(Evidence(publishes={"S": history})).ok is expected


def test_an_open_publish_never_completes() -> None:
    """A publish that nobody saw end constrains nothing that comes after it."""
    assert Publish("p", "v", 0).completed == NEVER
