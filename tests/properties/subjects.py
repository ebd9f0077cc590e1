"""Random subjects and patterns over a small alphabet, so that they often meet."""

from __future__ import annotations

from hypothesis import strategies as st

_WORDS = [b"a", b"b", b"c", b"a*", b">x", b"\xff\x00"]

literals = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4).map(b".".join)
wild_literals = st.lists(st.sampled_from([*_WORDS, b"*", b">", b""]), min_size=1, max_size=4).map(b".".join)


@st.composite
def _pattern(draw: st.DrawFn) -> bytes:
    tokens = draw(st.lists(st.sampled_from([*_WORDS, b"*", b"*"]), min_size=1, max_size=4))
    if draw(st.booleans()):
        tokens[-1] = b">"
    return b".".join(tokens)


patterns = _pattern()
