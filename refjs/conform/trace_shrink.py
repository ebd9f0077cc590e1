"""The smallest trace that still shows a difference: many candidates are tried at a time, on the same server.

An edit leaves a step out, or a key of its JSON, or a header, or a gap of time.  Each round tries all edits alone, then
as many as possible of those that helped together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from refjs.conform.matching import Json
from refjs.conform.trace import Request, Step, Trace
from refjs.conform.trace_run import Finding, Judge, steady

_ROUNDS: Final = 12
_PACE: Final = 15
_SETTLE: Final = 300
_CANDIDATES: Final = 120
_KEPT: Final = ("name", "storage", "stream_name")
"""Keys without which a trace would show something else."""

_STEP: Final = "step"
_GAP: Final = "gap"
_HEADER: Final = "header"
_KEY: Final = "key"


class _Edit(NamedTuple):
    """Leave out what is named: of the step number ``at`` a part, or the whole of it, or the time before it."""

    at: int
    kind: str
    path: tuple[str, ...] = ()


def shrink(finding: Finding, judge: Judge) -> Finding:
    """Return a finding of the same kind in a trace that cannot easily be made smaller."""
    for _ in range(_ROUNDS):
        edits = list(_edits(finding.trace))
        helpful = _helpful(finding, judge, [*_portions(edits), *([edit] for edit in edits)])
        if not helpful:
            break
        single = [edit for edits, _ in helpful if len(edits) == 1 for edit in edits]
        together = _helpful(finding, judge, list(_portions(single)))
        candidates = [found for _, found in [*helpful, *together]]
        finding = min(candidates, key=lambda found: _size(found.trace))
    return finding


def _helpful(
    finding: Finding, judge: Judge, choices: Sequence[Sequence[_Edit]]
) -> list[tuple[Sequence[_Edit], Finding]]:
    """Return those of ``choices`` after which the difference is still there."""
    wanted = finding.mismatch.kind
    smaller = [(edits, _apply(finding.trace, edits)) for edits in choices]
    smaller = [(edits, trace) for edits, trace in smaller if _size(trace) < _size(finding.trace) and steady(trace)]
    smaller = smaller[:_CANDIDATES]
    verdicts = judge.judge([trace for _, trace in smaller], confirm=False)
    return [
        (edits, verdict.finding)
        for (edits, _), verdict in zip(smaller, verdicts, strict=True)
        if verdict.finding is not None and verdict.finding.mismatch.kind == wanted
    ]


def _size(trace: Trace) -> tuple[int, int, int]:
    return len(trace.steps), sum(len(msgspec.json.encode(step)) for step in trace.steps), trace.end


def _portions(edits: Sequence[_Edit]) -> Iterator[Sequence[_Edit]]:
    """Yield all edits, then halves, quarters and eighths."""
    size = len(edits)
    while size > max(1, len(edits) // 10):
        for start in range(0, len(edits), size):
            yield edits[start : start + size]
        size = (size + 1) // 2


def _edits(trace: Trace) -> Iterator[_Edit]:
    for index in reversed(range(len(trace.steps))):
        yield _Edit(index, _STEP)
    for index, step in enumerate(trace.steps):
        before = trace.steps[index - 1].at if index else 0
        if step.at - before > _PACE:
            yield _Edit(index, _GAP)
        if isinstance(step, Request):
            yield from (_Edit(index, _HEADER, (name,)) for name in step.headers)
            yield from (_Edit(index, _KEY, path) for path in _paths(step.json))
    if trace.end > trace.steps[-1].at + _SETTLE:
        yield _Edit(len(trace.steps), _GAP)


def _paths(value: Json) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in _KEPT:
                yield (key,)
            yield from ((key, *path) for path in _paths(inner))


def _apply(trace: Trace, edits: Sequence[_Edit]) -> Trace:
    dropped = {edit.at for edit in edits if edit.kind == _STEP}
    gaps = {edit.at for edit in edits if edit.kind == _GAP}
    steps: list[Step] = []
    earlier = last = 0
    for index, step in enumerate(trace.steps):
        if index in gaps:
            earlier += max(step.at - last - _PACE, 0)
        last = step.at
        if index not in dropped:
            parts = [edit for edit in edits if edit.at == index]
            steps.append(_without(msgspec.structs.replace(step, at=step.at - earlier), parts))
    if len(trace.steps) in gaps:
        earlier += trace.end - last - _SETTLE
    return Trace(steps=steps, end=trace.end - earlier)


def _without(step: Step, edits: Sequence[_Edit]) -> Step:
    if not isinstance(step, Request):
        return step
    gone = {edit.path[0] for edit in edits if edit.kind == _HEADER}
    body = step.json
    for edit in edits:
        if edit.kind == _KEY:
            body = _drop(body, edit.path)
    headers = {name: value for name, value in step.headers.items() if name not in gone}
    return msgspec.structs.replace(step, headers=headers, json=body)


def _drop(value: Json, path: tuple[str, ...]) -> Json:
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {key: inner for key, inner in value.items() if key != path[0]}
    return {**value, path[0]: _drop(value[path[0]], path[1:])}
