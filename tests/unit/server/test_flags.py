"""The command line of ``refjs serve`` is that of nats-server."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.server.flags import Refuse, Run, ShowUsage, ShowVersion, parse, usage
from refjs.server.options import ServerOptions
from refjs.testing.peer import find_nats_server

RUNS = [
    ([], ServerOptions()),
    (["-p", "-1"], ServerOptions(port=-1)),
    (["-p=-1"], ServerOptions(port=-1)),
    (["--port", "4333"], ServerOptions(port=4333)),
    (["-p", "0"], ServerOptions(port=4222)),
    (["-a", "127.0.0.1"], ServerOptions(host="127.0.0.1")),
    (["--net=127.0.0.1"], ServerOptions(host="127.0.0.1")),
    (["-addr", "127.0.0.1"], ServerOptions(host="127.0.0.1")),
    (["-js", "-sd", "/data"], ServerOptions(jetstream=True, store_dir="/data")),
    (["--jetstream", "-sd=/data"], ServerOptions(jetstream=True, store_dir="/data")),
    (["-js=false"], ServerOptions()),
    (["-DV"], ServerOptions(debug=True, trace=True)),
    (["-D", "--trace"], ServerOptions(debug=True, trace=True)),
    (["-n", "one"], ServerOptions(name="one")),
    (["-server_name=one"], ServerOptions(name="one")),
    (["-m", "8222"], ServerOptions(monitor_port=8222)),
    (["-P", "pid", "-l", "log"], ServerOptions(pid_file="pid", log_file="log")),
    (["--ports_file_dir", "d"], ServerOptions(ports_file_dir="d")),
    (["-T=false", "--logtime_utc"], ServerOptions(log_time=False, log_time_utc=True)),
    (["-p", "1", "-p", "2"], ServerOptions(port=2)),
]
COMPLAINTS = [
    (["-x"], "flag provided but not defined: -x"),
    (["--no_such=1"], "flag provided but not defined: -no_such"),
    (["-p"], "flag needs an argument: -p"),
    (["-n"], "flag needs an argument: -n"),
    (["-p", "abc"], 'invalid value "abc" for flag -p: parse error'),
    (["--port=abc"], 'invalid value "abc" for flag -port: parse error'),
    (["-p", "99999999999999999999"], 'invalid value "99999999999999999999" for flag -p: value out of range'),
    (["-p", "9" * 5_000], f'invalid value "{"9" * 5_000}" for flag -p: value out of range'),
    (["-js=maybe"], 'invalid boolean value "maybe" for -js: parse error'),
    (["--=3"], "bad flag syntax: --=3"),
    (["---p", "1"], "bad flag syntax: ---p"),
]
REFUSALS = [
    (["extra"], 'nats-server: unrecognized command: "extra"'),
    (["-js", "false"], 'nats-server: unrecognized command: "false"'),
    (["--", "-v"], 'nats-server: unrecognized command: "-v"'),
    (["-"], 'nats-server: unrecognized command: "-"'),
    (["x", "-v"], 'nats-server: unrecognized command: "x"'),
    (["-n", "a b"], "nats-server: server name cannot contain spaces"),
]


@pytest.mark.req("CFG-CLI-001", "CFG-CLI-007")
@pytest.mark.parametrize(("arguments", "options"), RUNS)
def test_flags_become_options(arguments: list[str], options: ServerOptions) -> None:
    """Every spelling of a flag sets its option, and the last one wins."""
    assert parse(arguments) == Run(options)


@pytest.mark.req("CFG-CLI-004")
@pytest.mark.parametrize(("arguments", "complaint"), COMPLAINTS)
def test_wrong_flags_get_the_usage(arguments: list[str], complaint: str) -> None:
    """A wrong flag or value is answered by a complaint and the usage."""
    assert parse(arguments) == ShowUsage(complaint)


@pytest.mark.req("CFG-CLI-004", "CFG-TOP-001")
@pytest.mark.parametrize(("arguments", "sentence"), REFUSALS)
def test_refusals(arguments: list[str], sentence: str) -> None:
    """What is no flag, and what cannot be a name, is refused in nats-server's words."""
    assert parse(arguments) == Refuse(sentence)


@pytest.mark.parametrize("flag", ["-c x", "--config=x", "--tls", "--user u", "--routes nats://h:1", "-sl stop"])
def test_flags_we_lack_are_named(flag: str) -> None:
    """A flag of nats-server that refjs does not have is refused by name, never ignored."""
    spelling = flag.partition(" ")[0].partition("=")[0].lstrip("-")
    assert parse(["-js", *flag.split()]) == Refuse(f"nats-server: flag -{spelling} is not supported by refjs")


@pytest.mark.req("CFG-CLI-002")
@pytest.mark.parametrize("arguments", [["-v"], ["--version"], ["-h", "-v"], ["-v", "x"], ["-c", "f", "-v"]])
def test_version_goes_before_everything(arguments: list[str]) -> None:
    """A well-formed command line with -v shows the version, whatever else it says."""
    assert parse(arguments) == ShowVersion()


@given(st.lists(st.text(max_size=8) | st.sampled_from(["-p", "-js", "-v", "--", "-a", "-p=-1", "x", "-D=0"])))
def test_parse_is_total(arguments: list[str]) -> None:
    """Any words whatever give a verdict."""
    assert parse(arguments) is not None


def test_usage_names_every_flag() -> None:
    """The usage shows supported and unsupported flags alike."""
    text = usage()
    assert all(flag in text for flag in ("--addr", "-sd", "--ports_file_dir", "-cluster_name", "-DV"))


@pytest.mark.peer
@pytest.mark.parametrize(("arguments", "complaint"), COMPLAINTS)
def test_the_real_server_complains_alike(arguments: list[str], complaint: str) -> None:
    """The released server writes the same complaint to stderr, its usage to stdout, and exits 0."""
    binary = find_nats_server()
    assert binary is not None
    ran = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False, timeout=10)
    assert (ran.returncode, ran.stderr.strip()) == (0, complaint)
    assert "Usage: nats-server" in ran.stdout


@pytest.mark.peer
@pytest.mark.parametrize(("arguments", "sentence"), REFUSALS)
def test_the_real_server_refuses_alike(arguments: list[str], sentence: str) -> None:
    """The released server writes the same refusal to stderr and exits 1."""
    binary = find_nats_server()
    assert binary is not None
    ran = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False, timeout=10)
    assert (ran.returncode, ran.stderr.strip()) == (1, sentence)
