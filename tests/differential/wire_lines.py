"""Raw bytes that clients may send, well-formed and not: lines by requirement, and random conversations of them.

A line says nothing about its outcome: right is what the real server does.
"""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import strategies as st

PING: Final = b"PING\r\n"
QUIET: Final = b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\nSUB > 1\r\n'
HEADERS: Final = b"NATS/1.0\r\n\r\n"
BIG: Final = b"999999999"

# Sent after QUIET, whole; where the connection should go on, a PING shows that it does.
LINES: Final = {
    "PRO-OPS-001": [
        b"ping\r\n", b"PING\n", b"PING \r\n", b"PING x\r\n", b"PINGx\r\n", b"PING\rx\n", b"PING\r\r\nPING\r\n",
        b"PING" + b"x" * 9000 + b"\r\n", b"PONG" + b"x" * 9000 + b"\r\nPING\r\n", b"PING", b"PING PUB a 1\r\nx\r\n",
        b" PING\r\n", b"\r\nPING\r\n", b"\nPING\r\n", b"pUb foo 2\r\nhi\r\nPING\r\n",
        b"PUB\tfoo  2 \t\r\nhi\r\nPING\r\n",
        b"sub\ta\t7\nping\n", b"Unsub 1\r\nPING\r\n", b"PUB" + b" " * 5000 + b"foo 1\r\nx\r\nPING\r\n",
        b"PUB\x0ba 1\r\nx\r\n", b"PUB a\x0b1\r\nx\r\n", b"PUB a\x0c1\r\nx\r\n", b"PUB a\r1\r\nx\r\n",
        b"PUB \nfoo 1\r\nx\r\nPING\r\n", b"PUB \nPING\r\n", b"PUB  \nPING\r\n", b"SUB \nfoo 2\r\nPING\r\n",
        b"UNSUB \n1\r\nPING\r\nPUB a 1\r\nx\r\n", b"INFO\n{}\r\nPING\r\n", b"-ERR \nPING\r\n", b"-ERR  \n",
        b"HPUB \nfoo 0 1\r\nx\r\nPING\r\n", b"CONNECT\n{}\r\nPING\r\n",
    ],
    "PRO-OPS-002": [
        b"PUB\r\n", b"PUB\n", b"PUB\rfoo 1\r\n", b"PUBfoo 2\r\nhi\r\n", b"PUB", b"PU", b"P", b"PX",
        b"PUB foo 2\r\nhi\r\nPING\r\n", b"PUB foo bar 2\r\nhi\r\nPING\r\n", b"PUB foo 2\nhi\r\nPING\r\n",
        b"PUB foo 2\nhi\nPING\r\n", b"PUB foo 2\r\nhi\nPING\r\n", b"PUB foo 2\r\nhi\r\r\nPING\r\n",
        b"PUB foo 2\r\nhix", b"PUB foo 2\r\nhi\r", b"PUB foo 2\r\nhi\rx", b"PUB foo 2\r\nhixx", b"PUB foo 2\r\nh",
        b"PUB foo 2\r\nh\r\nPING\r\n", b"PUB foo 0\r\n\r\nPING\r\n", b"PUB foo 00\r\n\r\nPING\r\n",
        b"PUB foo 02\r\nhi\r\nPING\r\n", b"PUB foo 000000002\r\nhi\r\nPING\r\n",
        b"PUB foo 2\r\nhi\r\n\r\nPING\r\n", b"PUB fo\ro 2\r\nhi\r\nPING\r\n",
        b"PUB foo 4\r\n\r\n\r\n\r\nPING\r\n", b"PUB foo 10000\r\n" + b"\r\n" * 5000 + b"\r\nPING\r\n",
    ],
    "PRO-OPS-003": [
        b"PUB \r\nPING\r\n", b"PUB foo\r\nPING\r\n", b"PUB 2\r\nhi\r\nPING\r\n", b"PUB a b c 2\r\nhi\r\nPING\r\n",
        b"PUB a b c d 2\r\nPING\r\n", b"PUB foo -1\r\nPING\r\n", b"PUB foo x\r\nPING\r\n", b"PUB foo 1x\r\nPING\r\n",
        b"PUB foo +2\r\nhi\r\nPING\r\n", b"PUB foo 9999999999\r\n", b"PUB foo 0000000002\r\nhi\r\nPING\r\n",
        b"PUB foo 99999999999999999999\r\n", b"PUB foo 2147483648\r\n", b"PUB foo 1\r\r\nx\r\n",
        "PUB foo ٢\r\nhi\r\n".encode(), "PUB foo ²\r\nhi\r\n".encode(), b"PUB foo 1_0\r\n",
    ],
    "PRO-OPS-004": [
        b"HPUB foo 12 14\r\n" + HEADERS + b"hi\r\nPING\r\n", b"HPUB foo bar 12 14\r\n" + HEADERS + b"hi\r\nPING\r\n",
        b"hpub\tfoo 12 12\r\n" + HEADERS + b"\r\nPING\r\n", b"HPUB foo 0 2\r\nhi\r\nPING\r\n",
        b"HPUB foo 2 2\r\nhi\r\nPING\r\n", b"HPUB foo 02 2\r\nhi\r\nPING\r\n", b"HPUB a 0 0\r\n\r\nPING\r\n",
        b"HPUB a\rb 0 1\r\nx\r\nPING\r\n", b"HPUB foo 14 12\r\nPING\r\n", b"HPUB foo 12\r\nPING\r\n",
        b"HPUB a b c 12 14\r\nPING\r\n", b"HPUB a b c d 12 14\r\nPING\r\n", b"HPUB foo -1 14\r\nPING\r\n",
        b"HPUB foo x 14\r\nPING\r\n", b"HPUB foo 12 x\r\nPING\r\n", b"HPUB foo 0000000012 14\r\nPING\r\n",
        b"HPUB foo 12 0000000014\r\nPING\r\n", b"HPUB\r\n", b"HPUB \r\nPING\r\n", b"HPUBx a 1 2\r\n", b"HP", b"HX",
        b"HPUB foo 2000000 1500000\r\nPING\r\n", b"HPUB a b c 3 " + BIG + b"\r\n",
    ],
    "PRO-OPS-005": [
        b"SUB foo 2\r\nPING\r\n", b"SUB foo q 2\r\nPING\r\n", b"SUB foo q 2 3\r\nPING\r\n", b"SUB foo\r\nPING\r\n",
        b"SUB\r\n", b"SUB \r\nPING\r\n", b"SUBx", b"SUB a\rb 7\r\nPING\r\n", b"SUB a\r7\r\nPING\r\n",
        b"SUB a\x0b7\r\nPING\r\n", b"SUB a\x0b7 9\r\nPING\r\n", b"SU", b"SX",
    ],
    "PRO-OPS-006": [
        b"UNSUB 1\r\nPUB a 1\r\nx\r\nPING\r\n", b"UNSUB 9\r\nPING\r\n", b"UNSUB\r\n", b"UNSUB \r\nPING\r\n",
        b"UNSUB 1 2\r\nPUB a 1\r\nx\r\nPUB a 1\r\nx\r\nPUB a 1\r\nx\r\nPING\r\n", b"UNSUB 1 2 3\r\nPING\r\n",
        b"UNSUB 1 x\r\nPUB a 1\r\nx\r\nPING\r\n", b"UNSUB 1 -5\r\nPUB a 1\r\nx\r\nPING\r\n",
        b"UNSUB 1 0\r\nPUB a 1\r\nx\r\nPING\r\n", b"UNSUB 1 1x\r\nPUB a 1\r\nx\r\nPING\r\n",
        b"UNSUB 1 999999999\r\nPUB a 1\r\nx\r\nPING\r\n", b"UNSUB 1 9999999999\r\nPUB a 1\r\nx\r\nPING\r\n",
        b"UNSUB 1\r5\r\nPUB a 1\r\nx\r\nPING\r\n", b"UNSUBx", b"UN", b"UX",
    ],
    "PRO-OPS-010": [
        b"+OK\r\nPING\r\n", b"+ok\nPING\r\n", b"+OKx\r\nPING\r\n", b"+OK x\nPING\r\n", b"+O\r\n", b"+O", b"+X",
        b"+OK" + b"x" * 9000 + b"\nPING\r\n", b"INFO {}\r\nPING\r\n", b"INFO\t{} \t\r\nPING\r\n", b"INFO{}\nPING\r\n",
        b"INFO null\r\nPING\r\n", b"INFO\r\nPING\r\n", b"INFO \r\nPING\r\n", b"INFO {\r\nPING\r\n",
        b"INFO []\r\nPING\r\n", b"INFO 1\r\nPING\r\n", b"INFO {} x\r\nPING\r\n", b'INFO {"max_payload":1}\r\nPING\r\n',
        b"-ERR 'x'\r\nPING\r\n", b"-err x\nPING\r\n", b"-ERR\r\n", b"-ERR\n", b"-ERR \r\nPING\r\n", b"-ERRx", b"-ERR",
        b"-ERR\tx\n", b"-E", b"-X", b"MSG foo 1 2\r\nhi\r\n", b"M", b"HMSG foo 1 2 2\r\n", b"HMSG", b"HMSG x", b"HMSGx",
        b"HMSG\r\n", b"HM", b"HMX", b"RS+ a\r\n", b"A+ a\r\n", b"LS+ a\r\n", b"RMSG a b 1\r\n",
    ],
    "PRO-OPS-011": [
        b"A", b"X", b"\x00", b"\x80\xff", b"GET / HTTP/1.1\r\n", b"\r\n", b"\n", b" ", b"C\r\n", b"CO\r\n", b"CX",
        b"PI\n", b"PO\r\n", b"PIX", b"POX", b"SUN", b"IN", b"IX", b"INFX", b"CONNEC", b"",
    ],
    "PRO-OPS-012": [
        line
        for size in (4096, 4097)
        for line in (
            b"PUB %b 1\r\nx\r\nPING\r\n" % (b"a" * (size - 2)), b"PUB %b 1\nx\r\nPING\r\n" % (b"a" * (size - 2)),
            b"PUB %b" % (b"a" * size), b"PUB %b\r" % (b"a" * size), b"PUB a 1%b\r\nx\r\nPING\r\n" % (b" " * (size - 3)),
            b"HPUB %b 0 1\r\nx\r\nPING\r\n" % (b"a" * (size - 4)), b"SUB %b 2\r\nPING\r\n" % (b"a" * (size - 2)),
            b"UNSUB %b\r\nPING\r\n" % (b"a" * size), b"-ERR %b\r\nPING\r\n" % (b"a" * size),
            b"HMSG %b" % (b"a" * size), b"INFO {%b}\r\nPING\r\n" % (b" " * (size - 2)),
            b"CONNECT {%b}\r\nPING\r\n" % (b" " * (size - 2)),
        )
    ],
    "PRO-OPS-013": [
        b"PUB foo 1048576\r\n" + b"x" * 1048576 + b"\r\nPING\r\n", b"PUB foo 1048577\r\n", b"PUB foo " + BIG + b"\r\n",
        b"PUB foo bar " + BIG + b"\r\n", b"HPUB foo 12 1048577\r\n", b"HPUB foo 3 " + BIG + b"\r\n",
        b"HPUB foo " + BIG + b" " + BIG + b"\r\n", b"HPUB foo " + BIG + b" 3\r\n",
    ],
    "PRO-SUB-003": [
        b"PUB a..b 1\r\nx\r\nPUB .a 1\r\nx\r\nPUB a. 1\r\nx\r\nPUB . 1\r\nx\r\nPING\r\n",
        b"PUB * 1\r\nx\r\nPUB > 1\r\nx\r\nPUB a.* 1\r\nx\r\nPUB >.a 1\r\nx\r\nPUB a* 1\r\nx\r\nPING\r\n",
        b"UNSUB 1\r\nSUB a.* 2\r\nPUB a.* 1\r\nx\r\nPUB a.> 1\r\nx\r\nPUB *.a 1\r\nx\r\nPUB *.* 1\r\nx\r\nPING\r\n",
        b'CONNECT {"pedantic":true}\r\nPUB a.* 1\r\nx\r\nPUB a..b 1\r\nx\r\nPUB a* 1\r\nx\r\nPUB a. 1\r\nx\r\nPING\r\n',
    ],
    "PRO-SUB-002": [
        b"SUB a..b 2\r\nPING\r\n", b"SUB .a 2\r\nPING\r\n", b"SUB a. 2\r\nPING\r\n", b"SUB . 2\r\nPING\r\n",
        b"SUB >.a 2\r\nPING\r\n", b"SUB a.>.b 2\r\nPING\r\n", b"SUB a>.b 2\r\nPING\r\n", b"SUB a*.>b 2\r\nPING\r\n",
        b"SUB *.*.> 2\r\nPING\r\n",
    ],
    "PRO-SUB-004": [
        b"PUB fo\x00o 1\r\nx\r\nPING\r\n", b"PUB fo\xc3\xa9\xff 1\r\nx\r\nPING\r\n",
        b"PUB a\xc2\xa0b 1\r\nx\r\nPING\r\n",
        b"PUB a\xe2\x80\x80b 1\r\nx\r\nPING\r\n", b"SUB \xff\x00 2\r\nPING\r\n",
    ],
}  # fmt: skip

# Sent as the first bytes of a connection.
OPENINGS: Final = {
    "PRO-CON-002": [
        b"CONNECT {}\r\nPING\r\n", b"CONNECT{}\r\nPING\r\n", b"connect\t{}\nPING\r\n", b"CONNECT null\r\nPING\r\n",
        b'CONNECT {"verbose":null,"lang":null}\r\nPING\r\n', b'CONNECT {"VERBOSE":false}\r\nPING\r\n',
        b'CONNECT {"verbose":true,"Verbose":false}\r\nPING\r\n',
        b'CONNECT {"verbose":false,"x":[{"y":1e999}]}\r\nPING\r\n',
        b'CONNECT {"verbose":false,"verbose":null}\r\nPING\r\n', b'CONNECT {"name":"\xff"}\r\nPING\r\n',
        b'CONNECT {"name":"\\ud800"}\r\nPING\r\n', b'CONNECT  {"verbose":false} \t\r\nPING\r\n',
        b'CONNECT {"tls_required":true,"import_subject":1}\r\nPING\r\n',
    ],
    "PRO-CON-003": [
        b"PING\r\n", b"SUB a 1\r\nPUB a 1\r\nx\r\nUNSUB 1\r\n", b"PUB a.* 1\r\nx\r\nPING\r\n",
        b"+OK\r\nPONG\r\nPING\r\n",
        b'SUB > 1\r\nCONNECT {"verbose":false}\r\nPUB a 1\r\nx\r\nPING\r\n',
    ],
    "PRO-CON-005": [
        b"CONNECT\r\nPING\r\n", b"CONNECT \r\nPING\r\n", b"CONNECT {\r\nPING\r\n", b"CONNECTx {}\r\nPING\r\n",
        *(
            b"CONNECT %b\r\nPING\r\n" % text
            for text in (
                b"[]", b"1", b'"x"', b"true", b"{} x", b"{}{}", b'{"verbose":false,}', b"{'verbose':false}",
                b'{"x":NaN}', b'{"x":Infinity}', b'{"x":-Infinity}', b'{"x":01}', b'{"x":"\\x"}', b'{"x":"\x01"}',
                b"\xef\xbb\xbf{}", b'{"verbose":"x"}', b'{"verbose":1}', b'{"name":5}', b'{"protocol":"1"}',
                b'{"protocol":1.0}', b'{"protocol":1e0}', b'{"protocol":99999999999999999999}', b'{"protocol":true}',
                b'{"echo":1}', b'{"pedantic":1}', b'{"headers":"true"}', b'{"no_responders":1}', b'{"lang":1}',
                b'{"version":1}', b'{"user":5}', b'{"pass":1}', b'{"auth_token":1}', b'{"jwt":1}', b'{"nkey":1}',
                b'{"sig":[]}', b'{"tls_required":"x"}', b'{"proxy_sig":1}', b'{"remote_account":1}', b'{"account":1}',
                b'{"new_account":1}',
            )
        ),
    ],
    "PRO-CON-006": [
        b'CONNECT {"protocol":2}\r\nPING\r\n', b'CONNECT {"protocol":-1}\r\nPING\r\n',
        b'CONNECT {"protocol":9223372036854775807}\r\nPING\r\n',
        b'CONNECT {"protocol":9223372036854775808}\r\nPING\r\n',
        b'CONNECT {"protocol":-9223372036854775808}\r\nPING\r\n',
    ],
    "PRO-CON-007": [
        b'CONNECT {"no_responders":true}\r\nPING\r\n', b'CONNECT {"no_responders":true,"headers":true}\r\nPING\r\n',
        b'CONNECT {"no_responders":true,"protocol":2}\r\nPING\r\n',
    ],
    "PRO-CON-008": [
        b'CONNECT {"account":"x"}\r\nPING\r\n', b'CONNECT {"account":""}\r\nPING\r\n',
        b'CONNECT {"new_account":true}\r\nPING\r\n', b'CONNECT {"account":"x","protocol":2}\r\nPING\r\n',
    ],
    "PRO-CON-009": [
        b'CONNECT {"verbose":false}\r\nCONNECT {}\r\nPING\r\n',
        b'CONNECT {"verbose":false}\r\nCONNECT {"verbose":true}\r\n',
        QUIET + b'CONNECT {"pedantic":true}\r\nSUB > 2\r\nHPUB a.* 2 2\r\nhi\r\nPING\r\n',
        QUIET + b'CONNECT {"headers":false}\r\nHPUB a 2 2\r\nhi\r\nPING\r\n',
        QUIET + b"CONNECT {}\r\nPUB a 1\r\nx\r\nPING\r\n", QUIET + b"CONNECT {}\r\nSUB a 1\r\nPUB a 1\r\nx\r\nPING\r\n",
    ],
    "PRO-OPS-004": [
        b"HPUB a 2 2\r\nPING\r\n", b"CONNECT {}\r\nHPUB a 2 2\r\nhi\r\nPING\r\n", b"HPUB a 2 " + BIG + b"\r\n",
        b"HPUB a 0 2\r\nhi\r\nPING\r\n",
    ],
    "PRO-OPS-009": [
        b"SUB > 1\r\nPUB a 1\r\nx\r\nUNSUB 1\r\nPING\r\nPONG\r\n", b"SUB a..b 1\r\nPUB a 1\r\nx\r\n", b"UNSUB 9\r\n",
        b'CONNECT {"headers":true}\r\nHPUB a 0 1\r\nx\r\n',
    ],
}  # fmt: skip

CASES: Final = [
    pytest.param([prelude + line for line in lines], id=name, marks=pytest.mark.req(name))
    for prelude, table in ((QUIET, LINES), (b"", OPENINGS))
    for name, lines in table.items()
]

FRAGMENTS: Final = [
    b"PUB a 2\r\nhi\r\n",
    b"pub\ta.b  reply 0\n\r\n",
    b"PUB a..b 1\r\nx\r\n",
    b"PUB \n",
    b"PUB a 3\r\n",
    b"HPUB a 12 14\r\n" + HEADERS + b"hi\r\n",
    b"HPUB a 2 1\r\n",
    b"SUB x.* 7\r\n",
    b"SUB a..b 8\r\n",
    b"UNSUB 1\r\n",
    b"UNSUB 1 3\n",
    PING,
    b"ping" + b"x" * 700 + b"\n",
    b"PONG\r\n",
    b"+OK\r\n",
    b"INFO {}\r\n",
    b'CONNECT {"verbose":true}\r\n',
    b'connect\t{"headers":true,"verbose":false}\n',
    b'CONNECT {"pedantic":true}\r\nSUB > 9\r\n',
    b"CONNECT {\r\n",
    b"-ERR 'x'\r\n",
    b"P",
    b"SUB ",
    b" ",
    b"x",
    b"\r\n",
    b"\n",
    b"\x00",
]
_fragments = st.one_of(st.sampled_from(FRAGMENTS[:20]), st.sampled_from(FRAGMENTS))
conversations = st.lists(_fragments, max_size=10).map(b"".join)
