"""``refjs serve`` as a process: exit codes, signals, the files that tell its id and its ports (docs/spec/config-cli).

Exit codes: 0 for a clean end (INT, TERM), 1 for a server that cannot start, 2 for a bug or a lost disk, and for QUIT,
which dumps the stacks.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import signal
import sys
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Final, assert_never

from refjs.broker.effects import Level
from refjs.server.flags import Refuse, Run, ShowUsage, ShowVersion, parse, usage
from refjs.server.logs import Log
from refjs.server.options import VERSION, ServerOptions
from refjs.server.server import Server, StartError

try:
    from uvloop import run as run_loop
except ImportError:

    def run_loop(main: Coroutine[None, None, int]) -> int:  # type: ignore[misc] # the simpler signature is all we use
        """Run on the standard library's loop, where the [server] extra is not installed."""
        return asyncio.run(main)


CLEAN: Final = 0
CANNOT_START: Final = 1
BROKEN: Final = 2
_ENDING: Final = {signal.SIGINT: CLEAN, signal.SIGTERM: CLEAN, signal.SIGQUIT: BROKEN}
_TRAPPED: Final = {
    signal.SIGQUIT: "quit",
    signal.SIGINT: "interrupt",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "hangup",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGUSR2: "user defined signal 2",
}


def main(arguments: list[str]) -> int:
    """Do what the command line asks for and return the exit code; a server runs until it is told to end."""
    verdict = parse(arguments)
    match verdict:
        case Run():
            return serve(verdict.options)
        case ShowUsage():
            if verdict.complaint:
                sys.stderr.write(verdict.complaint + "\n")
            sys.stdout.write(usage())
            return CLEAN
        case ShowVersion():
            sys.stdout.write(f"nats-server: v{VERSION}\n")
            return CLEAN
        case Refuse():
            sys.stderr.write(verdict.sentence + "\n")
            return CANNOT_START
        case _:
            assert_never(verdict)


def serve(options: ServerOptions) -> int:
    """Run a server until a signal ends it; return the exit code."""
    try:
        log = Log(
            options.log_file,
            debug=options.debug,
            trace=options.trace,
            with_time=options.log_time,
            utc=options.log_time_utc,
        )
    except OSError as error:
        sys.stderr.write(f"error opening file: {_go_open_error(options.log_file, error)}\n")
        return CANNOT_START
    return run_loop(_serve(options, log))


async def _serve(options: ServerOptions, log: Log) -> int:
    server = Server(options, log)
    try:
        _write_pid(options)
        await server.start()
    except StartError as error:
        log.write(Level.FATAL, str(error))
        await server.close()
        return CANNOT_START
    ended = _trap_signals(server)
    ports_file = _write_ports(server)
    log.note("Server is ready")
    try:
        await asyncio.wait((ended, server.failure), return_when=asyncio.FIRST_COMPLETED)
        if server.failure.done():
            return _report(server.failure, log)
        log.note("Initiating Shutdown...")
        return ended.result()
    finally:
        if ports_file is not None:
            ports_file.unlink(missing_ok=True)
        await server.close()
        log.note("Server Exiting..")
        log.close()


def _report(failure: asyncio.Future[None], log: Log) -> int:
    error = failure.exception()
    assert error is not None, "a failure is set with its reason"
    for line in "".join(traceback.format_exception(error)).splitlines():
        log.write(Level.ERROR, line)
    log.write(Level.FATAL, f"Stopped serving: {error!r}")
    return BROKEN


def _trap_signals(server: Server) -> asyncio.Future[int]:
    """Handle the signals of CFG-CLI-008; return what gets the exit code when one of them asks for the end."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def trapped(number: signal.Signals) -> None:
        if number in _ENDING and not ended.done():
            ended.set_result(_ENDING[number])
        server.log.note(f'Trapped "{_TRAPPED[number]}" signal')
        if number in _ENDING:
            return
        if number is signal.SIGUSR1:
            reopened = server.log.reopen()
            server.log.note("File log re-opened" if reopened else "File log re-open ignored, not a file logger")
        elif number is signal.SIGHUP:
            reason = "can only reload config when a file is provided using -c or --config"
            server.log.write(Level.ERROR, f"Failed to reload server configuration: {reason}")
        else:
            server.log.write(Level.ERROR, "lame duck mode is not supported by refjs")

    for number in _TRAPPED:
        loop.add_signal_handler(number, trapped, number)
    faulthandler.register(signal.SIGQUIT, all_threads=True, chain=True)  # dump, then what is set above
    return ended


def _write_pid(options: ServerOptions) -> None:
    if not options.pid_file:
        return
    try:
        Path(options.pid_file).write_text(str(os.getpid()))
    except OSError as error:
        raise StartError(f"Could not write pidfile: {_go_open_error(options.pid_file, error)}") from error


def _write_ports(server: Server) -> Path | None:
    """Write the ports file, whole or not at all: harnesses read it as soon as it exists."""
    if not server.options.ports_file_dir:
        return None
    path = Path(server.options.ports_file_dir) / f"{_program_name()}_{os.getpid()}.ports"
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(json.dumps(server.ports(), separators=(",", ":")))
        temporary.rename(path)
    except OSError as error:
        server.log.write(Level.ERROR, f"Error writing ports file ({path}): {_go_open_error(str(path), error)}")
        return None
    return path


def _program_name() -> str:
    name = Path(sys.argv[0]).name
    return "refjs" if name in ("__main__.py", "-m", "-c", "") else name


def _go_open_error(path: str, error: OSError) -> str:
    return f"open {path}: {os.strerror(error.errno or 0).lower()}"
