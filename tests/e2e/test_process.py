"""The process around the server: what harnesses wait for, read, and send (docs/spec/config-cli.md)."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from refjs.testing.peer import RealServer, RefjsServer, ServerNotReadyError, ServerProcess
from tests.e2e.conftest import KINDS

ROOT = Path(__file__).parents[2]
Kind = type[RefjsServer] | type[RealServer]


def refjs(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command and return what came of it."""
    return subprocess.run(
        [sys.executable, "-m", "refjs", *words], capture_output=True, text=True, check=False, timeout=30, cwd=ROOT
    )


def fetch(url: str) -> tuple[int, bytes]:
    """Return status and body."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def messages(server: ServerProcess) -> list[str]:
    """Return the server's log without process id and time."""
    return [line.partition("] ")[2][27:] for line in server.log.splitlines()]


def whole_ports_file(directory: Path, server: ServerProcess) -> Path:
    """Return the ports file once it is whole; nats-server's may be read while it is being written."""
    while True:
        assert server.running, server.log
        for path in directory.glob("*.ports"):
            if path.read_text().endswith("}"):
                return path


@pytest.mark.req("CFG-CLI-007", "CFG-CLI-008", "CFG-CLI-010")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_start_to_end(kind: Kind, number: signal.Signals) -> None:
    """The log tells the start in order, and INT and TERM end the server cleanly."""
    with kind("-n", "named") as server:
        assert server.stop(number) == 0
        lines = messages(server)
        expected = [
            "[INF] Starting nats-server",
            "[INF]   Version:  2.15.1",
            "[INF]   Name:     named",
            f'[INF]   Store Directory: "{server.store_dir}/jetstream"',
            f"[INF] Listening for client connections on 127.0.0.1:{server.port}",
            "[INF] Server is ready",
            f'[INF] Trapped "{"terminated" if number is signal.SIGTERM else "interrupt"}" signal',
            "[INF] Initiating Shutdown...",
            "[INF] Server Exiting..",
        ]
        assert [line for line in lines if line in expected] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_quit_dumps_and_ends(kind: Kind) -> None:
    """QUIT ends the server with exit code 2 and a dump of what it was doing."""
    with kind() as server:
        assert server.stop(signal.SIGQUIT) == 2
        assert re.search(r"most recent call first|goroutine", server.log)


@pytest.mark.parametrize("kind", KINDS)
def test_signals_that_do_not_end_it(kind: Kind) -> None:
    """HUP without a configuration and USR1 without a log file are answered in the log."""
    with kind() as server:
        server.send_signal(signal.SIGHUP)
        reload = "can only reload config when a file is provided using -c or --config"
        assert server.wait_for_log(f"[ERR] Failed to reload server configuration: {reload}")
        server.send_signal(signal.SIGUSR1)
        assert server.wait_for_log("[INF] File log re-open ignored, not a file logger")
        assert server.stop() == 0


@pytest.mark.req("CFG-CLI-005")
@pytest.mark.parametrize("kind", KINDS)
def test_a_port_in_use(kind: Kind) -> None:
    """A port that is taken is fatal: one line, exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerNotReadyError) as refused, kind(port=port):
            pass
    assert "(exit code 1)" in str(refused.value)
    line = (
        f'[FTL] Error listening on port: 127.0.0.1:{port}, "listen tcp 127.0.0.1:{port}: bind: address already in use"'
    )
    assert line in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_that_is_no_directory(kind: Kind, tmp_path: Path) -> None:
    """A store directory that cannot be one is fatal: exit code 1."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerNotReadyError) as refused, kind(store_dir=tmp_path / "file"):
        pass
    assert "(exit code 1)" in str(refused.value)
    assert "[FTL] Can't start JetStream: " in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
def test_files_for_harnesses(kind: Kind, tmp_path: Path) -> None:
    """The pid file has the digits alone; the ports file names every listener and goes with the server."""
    with kind("-P", str(tmp_path / "pid"), "--ports_file_dir", str(tmp_path), "-m", "-1") as server:
        assert (tmp_path / "pid").read_text() == str(server.pid)
        path = whole_ports_file(tmp_path, server)
        assert path.stem.endswith(f"_{server.pid}")
        assert json.loads(path.read_text()) == {"nats": [server.url], "monitoring": [server.monitor_url]}
        server.stop()
        assert list(tmp_path.glob("*.ports")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_log_file(kind: Kind, tmp_path: Path) -> None:
    """With -l the log is in the file and not on stderr, and USR1 starts a new file."""
    path = tmp_path / "log"
    port = 21_000 + os.getpid() % 9_000
    server = kind("-l", str(path), port=port)
    server.launch()
    try:
        while not path.exists() or "Server is ready" not in path.read_text():
            assert server.running, server.log
        path.rename(tmp_path / "old")
        server.send_signal(signal.SIGUSR1)
        while not path.exists() or "re-opened" not in path.read_text():
            assert server.running, server.log
        assert server.stop() == 0
        assert "Server Exiting.." in path.read_text()
        assert server.log == ""
    finally:
        server.close()


@pytest.mark.parametrize("kind", KINDS)
def test_monitoring(kind: Kind) -> None:
    """With -m the server answers probes by HTTP, and 404 for what is not there."""
    with kind("-m", "-1") as server:
        with socket.create_connection((server.host, server.port)) as client:
            client.recv(5)
            assert fetch(f"{server.monitor_url}/healthz") == (200, b'{"status":"ok"}')
            varz = json.loads(fetch(f"{server.monitor_url}/varz")[1])
            assert (varz["version"], varz["port"], varz["connections"]) == ("2.15.1", server.port, 1)
            assert varz["jetstream"]["config"]["store_dir"] == f"{server.store_dir}/jetstream"
            jsz = json.loads(fetch(f"{server.monitor_url}/jsz")[1])
            assert (jsz["streams"], jsz["consumers"], jsz["messages"]) == (0, 0, 0)
        assert fetch(f"{server.monitor_url}/nope") == (404, b"404 page not found\n")


@pytest.mark.parametrize("kind", KINDS)
def test_restart_at_once(kind: Kind) -> None:
    """A server that was killed starts again at once on its port and store directory."""
    with kind() as server:
        with socket.create_connection((server.host, server.port)) as client:
            client.recv(5)
            server.kill()
        server.start()
        with socket.create_connection((server.host, server.port)) as client:
            assert client.recv(5) == b"INFO "


@pytest.mark.parametrize("kind", KINDS)
def test_trace(kind: Kind) -> None:
    """With -DV the log shows connections and every operation."""
    with kind("-DV") as server:
        with socket.create_connection((server.host, server.port)) as client:
            client.sendall(b'CONNECT {"verbose":false,"pass":"secret"}\r\nSUB foo 1\r\nPUB foo 2\r\nhi\r\nPING\r\n')
            while not client.recv(65_536).endswith(b"PONG\r\n"):
                pass
        for text in ("Client connection created", "<<- [SUB foo 1]", "->> [MSG foo 1 2]", '->> MSG_PAYLOAD: ["hi"]'):
            assert server.wait_for_log(text), server.log
        assert server.wait_for_log("Client connection closed: Client Closed")
        assert "secret" not in server.log


def test_two_servers_do_not_share_a_store(tmp_path: Path) -> None:
    """A store directory in use by another server is refused in a sentence."""
    with RefjsServer(store_dir=tmp_path), pytest.raises(ServerNotReadyError, match="is in use by another server"):
        RefjsServer(store_dir=tmp_path).__enter__()


def test_the_command_explains_itself() -> None:
    """``refjs`` lists its commands with an example each, and names versions and mistakes in a sentence."""
    help_text = refjs("--help")
    assert (help_text.returncode, help_text.stderr) == (0, "")
    assert "refjs serve -js -p 4222" in help_text.stdout
    assert refjs("--version").stdout == "refjs 0.1.0 (behaves as nats-server v2.15.1)\n"
    wrong = refjs("nonsense")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    assert refjs("serve", "--version").stdout == "nats-server: v2.15.1\n"
    assert refjs("serve", "--nonsense").stderr == "flag provided but not defined: -nonsense\n"
    refused = refjs("serve", "-c", "some.conf")
    assert (refused.returncode, refused.stderr) == (1, "nats-server: flag -c is not supported by refjs\n")


def test_a_missing_extra_is_named() -> None:
    """A command whose packages are not installed says in a sentence which extra brings them."""
    without_rich = (
        "import sys; sys.modules['rich'] = None; from refjs.cli.main import main; sys.exit(main(['conform']))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", without_rich], capture_output=True, text=True, check=False, timeout=30, cwd=ROOT
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("refjs conform needs the [conform] extra: pip install 'refjs[conform]'")
    assert ran.stderr.count("\n") == 1
