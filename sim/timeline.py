"""A picture of a run: who led when, what broke, and what it cost the clients.

Three panels share the time axis.  *Servers*: a lane each, coloured by term where the server led, hatched where it was
down or paused, framed where its links were cut.  *Publishes*: a dot for each at its invocation, as high as it took
long; those of unknown outcome stand at the top.  *Messages*: how many were acknowledged and how many delivered.
Faults are shaded through all panels, and a line marks the heal.  Drawn from the history alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Final, final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from refjs.cluster.logs import META
from refjs.types.units import MILLISECOND, SECOND, Nanos
from sim.checkers.evidence import Evidence, Publish, collect
from sim.checkers.verdict import Judgement
from sim.history import Began, History, Mark, Marked, Outcome

TERMS: Final = ("#2a6fbb", "#d9822b", "#3a9d5d", "#8e5bb5", "#c2477f", "#3aa3a8")
"""The colours of terms, in turn: hues that colour-blind readers can tell apart by their lightness too."""
FOLLOWER: Final = "#dfe4ea"
DOWN: Final = "#fbe4e2"
FAULT: Final = "#e5533d"
INK: Final = "#2b2f36"
QUIET: Final = "#5c6670"
HEAL: Final = "#2f8f5b"
OK: Final = "#2a6fbb"
RETRIED: Final = "#d9822b"
BAD: Final = "#c22f2f"

_LANE: Final = 0.62
_TITLE_LENGTH: Final = 100


@unique
class Role(StrEnum):
    """What a lane shows."""

    FOLLOWER = "up"
    LEADER = "leader"
    PAUSED = "paused"
    DOWN = "down"


@final
@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one server's lane."""

    begin: Nanos
    end: Nanos
    role: Role
    term: int = 0


@final
@dataclass(frozen=True, slots=True)
class Lane:
    """One server's whole run; ``cuts`` are when its links were cut."""

    server: str
    spans: tuple[Span, ...]
    cuts: tuple[tuple[Nanos, Nanos], ...]


def lanes(evidence: Evidence, group: str) -> list[Lane]:
    """Return what each server did throughout the run, as the marks tell; ``group`` is whose leadership is shown."""
    return [_lane(server, evidence, group) for server in evidence.servers]


def _lane(server: str, evidence: Evidence, group: str) -> Lane:
    marks = [mark for mark in evidence.marks if mark.server == server and mark.group in {"", group}]
    spans: list[Span] = []
    began, life, term, shown = 0, Role.FOLLOWER, 0, (Role.FOLLOWER, 0)
    for mark in marks:
        life, term = _after(mark, life, term)
        now_shown = (Role.LEADER, term) if life is Role.FOLLOWER and term else (life, 0)
        if now_shown != shown:
            spans.append(Span(began, mark.at, *shown))
            began, shown = mark.at, now_shown
    spans.append(Span(began, evidence.ended_at, *shown))
    return Lane(server, tuple(span for span in spans if span.end > span.begin), _cuts(marks, evidence.ended_at))


def _after(mark: Marked, life: Role, term: int) -> tuple[Role, int]:
    """Return whether a server is up, paused or down after a mark, and the term that it leads, 0 for none.

    A paused leader wakes as a leader, until it learns better.
    """
    match mark.mark:
        case Mark.LED:
            return life, mark.term
        case Mark.DEPOSED:
            return life, 0
        case Mark.KILLED | Mark.POWER_FAILED:
            return Role.DOWN, 0
        case Mark.STARTED | Mark.RESUMED:
            return Role.FOLLOWER, term
        case Mark.PAUSED:
            return Role.PAUSED, term
        case _:
            return life, term


def _cuts(marks: list[Marked], ended_at: Nanos) -> tuple[tuple[Nanos, Nanos], ...]:
    """Return when at least one cut separated the server."""
    cuts: list[tuple[Nanos, Nanos]] = []
    depth, since = 0, 0
    for mark in marks:
        if mark.mark is Mark.CUT:
            since = mark.at if depth == 0 else since
            depth += 1
        elif mark.mark is Mark.HEALED:
            depth -= 1
            if depth == 0:
                cuts.append((since, mark.at))
    return (*cuts, (since, ended_at)) if depth else tuple(cuts)


def draw(history: History, judgement: Judgement | None = None) -> Figure:
    """Return the picture of a run."""
    evidence = collect(history)
    figure = Figure(figsize=(12, 7.2), layout="constrained", dpi=120)
    heights = [0.5 + 0.42 * max(1, len(evidence.servers)), 3.2, 1.8]
    servers, publishes, messages = figure.subplots(3, 1, sharex=True, height_ratios=heights)
    groups = [mark.group for mark in evidence.marks if mark.mark is Mark.LED]
    group = next((name for name in groups if name != META), groups[0] if groups else "")
    _draw_lanes(servers, lanes(evidence, group))
    _draw_publishes(publishes, evidence)
    _draw_messages(messages, evidence)
    if evidence.quiet_at is not None:
        healed = " everything is mended"
        servers.annotate(
            healed, (evidence.quiet_at / SECOND, 1), xycoords=("data", "axes fraction"), fontsize=8, color=HEAL
        )
    for axes in (servers, publishes, messages):
        _shade(axes, evidence)
        _tidy(axes)
    messages.set_xlabel("simulated time [s]", color=QUIET)
    messages.set_xlim(0, evidence.ended_at / SECOND)
    _title(figure, history, judgement)
    return figure


def save(history: History, path: Path, judgement: Judgement | None = None) -> None:
    """Write the picture to ``path``; its suffix chooses the format (.png, .svg, .pdf)."""
    draw(history, judgement).savefig(path)


def _draw_lanes(axes: Axes, drawn: list[Lane]) -> None:
    span_seconds = max(1.0, max((lane.spans[-1].end for lane in drawn if lane.spans), default=0) / SECOND)
    for row, lane in enumerate(reversed(drawn)):
        for span in lane.spans:
            begin, width = span.begin / SECOND, (span.end - span.begin) / SECOND
            face, hatch = _looks(span)
            bar = (begin, width), (row - _LANE / 2, _LANE)
            axes.broken_barh([bar[0]], bar[1], facecolor=face, hatch=hatch, edgecolor="#ffffff", linewidth=0.8)
            text = _label(span, width / span_seconds)
            ink = "white" if span.role is Role.LEADER else BAD
            axes.text(begin + span_seconds / 300, row, text, va="center", fontsize=8, color=ink, clip_on=True)
        for begin, end in lane.cuts:
            frame = [(begin / SECOND, (end - begin) / SECOND)]
            axes.broken_barh(frame, (row - 0.4, 0.8), facecolor="none", edgecolor=FAULT, linestyle="--", linewidth=1.4)
    axes.set_yticks(range(len(drawn)), [lane.server for lane in reversed(drawn)])
    axes.set_ylim(-0.6, len(drawn) - 0.4)
    axes.set_title("servers", loc="left", fontsize=10, color=INK)


def _label(span: Span, share: float) -> str:
    """Return what to write on a stretch that takes so much of the picture's width."""
    term = ("", f"{span.term}", f"term {span.term}", f"leader, term {span.term}")
    texts = {Role.LEADER: term, Role.FOLLOWER: ("",) * 4, Role.PAUSED: ("", "", "paused", "paused")}
    fits = sum(share > least for least in (0.012, 0.035, 0.075))
    return texts.get(span.role, ("", "", "down", "down"))[fits]


def _looks(span: Span) -> tuple[str, str | None]:
    match span.role:
        case Role.LEADER:
            return TERMS[span.term % len(TERMS)], None
        case Role.FOLLOWER:
            return FOLLOWER, None
        case Role.PAUSED:
            return "#f3ead6", ".."
        case Role.DOWN:
            return DOWN, "//"


def _draw_publishes(axes: Axes, evidence: Evidence) -> None:
    everything = [publish for publishes in evidence.publishes.values() for publish in publishes]
    acked = [p for p in everything if p.outcome is Outcome.OK]
    longest = max((_latency_ms(p) for p in acked), default=1.0)
    top = longest * 3
    lost = _lost(evidence)
    kinds = (
        ("acknowledged", OK, "o", 9, [p for p in acked if p.attempts == 1]),
        ("after a retry", RETRIED, "D", 22, [p for p in acked if p.attempts > 1]),
        ("acknowledged and lost", BAD, "P", 60, [p for p in acked if p.value in lost]),
        ("outcome unknown", BAD, "x", 30, [p for p in everything if p.outcome is Outcome.UNKNOWN]),
        ("refused", QUIET, "v", 24, [p for p in everything if p.outcome is Outcome.FAIL]),
    )
    for name, color, marker, size, shown in kinds:
        if shown:
            xs = [p.invoked / SECOND for p in shown]
            ys = [_latency_ms(p) if p.outcome is Outcome.OK else top for p in shown]
            label = f"{name} ({len(shown)})"
            axes.scatter(xs, ys, s=size, c=color, marker=marker, label=label, alpha=0.8, linewidths=1)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(_duration))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("took", color=QUIET)
    axes.set_title("publishes", loc="left", fontsize=10, color=INK)
    axes.legend(loc="upper right", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")


def _lost(evidence: Evidence) -> set[str]:
    """Return the acknowledged values that some server does not hold at the end, where anything was observed."""
    lost: set[str] = set()
    for stream, nodes in evidence.observed.items():
        acked = {p.value for p in evidence.publishes.get(stream, []) if p.outcome is Outcome.OK}
        for node in nodes:
            lost |= acked - {value for _, value in node.messages}
    return lost


def _duration(milliseconds: float, _position: int) -> str:
    """Return a tick's text."""
    return (
        f"{milliseconds:g} ms" if milliseconds < SECOND / MILLISECOND else f"{milliseconds * MILLISECOND / SECOND:g} s"
    )


def _latency_ms(publish: Publish) -> float:
    return max((publish.completed - publish.invoked) / MILLISECOND, 0.01)


def _draw_messages(axes: Axes, evidence: Evidence) -> None:
    fresh = {(stream, p.seq): p for stream, ps in evidence.publishes.items() for p in ps if p.outcome is Outcome.OK}
    acked = sorted(publish.completed for publish in fresh.values())
    _staircase(axes, acked, "acknowledged", OK)
    for consumer in evidence.consumers:
        first: dict[int, Nanos] = {}
        for record in evidence.delivered:
            if record.consumer == consumer:
                first.setdefault(record.seq, record.at)
        _staircase(axes, sorted(first.values()), f"delivered to {consumer}", TERMS[2])
    axes.set_title("messages", loc="left", fontsize=10, color=INK)
    axes.legend(loc="lower right", fontsize=8, frameon=True, framealpha=0.9, edgecolor="none")


def _staircase(axes: Axes, times: list[Nanos], label: str, color: str) -> None:
    xs = [0.0, *(when / SECOND for when in times)]
    axes.plot(xs, range(len(xs)), drawstyle="steps-post", color=color, linewidth=1.6, label=f"{label} ({len(times)})")


def _shade(axes: Axes, evidence: Evidence) -> None:
    """Shade when anything was broken, and mark the heal."""
    for begin, end in _troubles(evidence):
        axes.axvspan(begin / SECOND, end / SECOND, color=FAULT, alpha=0.06, linewidth=0)
    if evidence.quiet_at is not None:
        axes.axvline(evidence.quiet_at / SECOND, color=HEAL, linewidth=1.2, linestyle=":")


def _troubles(evidence: Evidence) -> list[tuple[Nanos, Nanos]]:
    """Return the stretches in which at least one fault lasted."""
    change = {
        Mark.KILLED: 1, Mark.POWER_FAILED: 1, Mark.PAUSED: 1, Mark.CUT: 1, Mark.WEATHER: 1,
        Mark.STARTED: -1, Mark.RESUMED: -1, Mark.HEALED: -1, Mark.CLEARED: -1,
    }  # fmt: skip
    stretches: list[tuple[Nanos, Nanos]] = []
    broken, since = 0, 0
    for mark in evidence.marks:
        step = change.get(mark.mark, 0)
        if broken == 0 and step > 0:
            since = mark.at
        broken = max(0, broken + step)
        if broken == 0 and step < 0:
            stretches.append((since, mark.at))
    return [*stretches, (since, evidence.ended_at)] if broken else stretches


def _tidy(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#b8bfc8")
    axes.tick_params(colors=QUIET, labelsize=9)
    axes.grid(visible=True, axis="x", color="#eef0f3", linewidth=0.8)
    axes.set_axisbelow(True)


def _title(figure: Figure, history: History, judgement: Judgement | None) -> None:
    began = next(history.of(Began), None)
    name = f"{began.scenario}, seed {began.seed}" if began is not None else "a run"
    if judgement is None:
        figure.suptitle(name, fontsize=13, color=INK, x=0.01, ha="left")
        return
    failed = [verdict for verdict in judgement.verdicts if not verdict.ok]
    said = f"all {len(judgement.verdicts)} properties hold"
    if failed:
        said = f"{', '.join(verdict.property_id for verdict in failed)} violated. {failed[0].findings[0]}"
    shown = said if len(said) <= _TITLE_LENGTH else said[: _TITLE_LENGTH - 1] + "\u2026"
    figure.suptitle(f"{name}: {shown}", fontsize=12, color=INK if not failed else BAD, x=0.01, ha="left")
