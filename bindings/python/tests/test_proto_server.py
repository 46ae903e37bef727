"""The server's machine, fed by hand."""

from collections.abc import Iterable

import pop3
import pytest
from pop3 import proto
from pop3.proto import NEED_DATA, PAUSED
from servers import Maildrop

MESSAGES = {
    "first": b"Subject: one\n\n.dot\nlast",
    "second": b"Subject: two\r\n\r\nline 1\r\nline 2\r\nline 3\r\n",
    "third": b"",
}

COMMANDS = (
    b"CAPA\r\nNOOP\r\nUSER mrose\r\nPASS tanstaaf\r\nstat\r\nLIST\r\nUIDL 2\r\nRETR 1\r\nTOP 2 1\r\nRETR 3\r\n"
    b"DELE 1\r\nDELE 1\r\nRETR 1\r\nLIST\r\nFOO\r\nQUIT\r\n"
)


def session(pieces: Iterable[bytes], policy: proto.Policy | None = None) -> tuple[bytes, list[proto.ServerEvent]]:
    """What a server says and asks when these pieces arrive."""
    server = proto.Server(policy, is_tls=True)
    maildrop = Maildrop(dict(MESSAGES))
    said, asked = b"", []
    for piece in pieces:
        server.receive_data(piece)
        while True:
            while octets := server.data_to_send():
                said += octets
            event = server.next_event()
            if isinstance(event, proto.Wait):
                break
            asked.append(event)
            said += maildrop.answer(server, event)
    return said, asked


# A line with "..." behind it may go on with text for humans.
EXPECTED = [
    "+OK POP3 server ready",
    "+OK...",
    *["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "USER", "EXPIRE NEVER", "."],
    "-ERR...",
    "+OK...",
    "+OK...",
    "+OK 3 68",
    "+OK...",
    *["1 28", "2 40", "3 0", "."],
    "+OK 2 second",
    "+OK...",
    *["Subject: one", "", "..dot", "last", "."],
    "+OK...",
    *["Subject: two", "", "line 1", "."],
    "+OK...",
    ".",
    "+OK...",
    "-ERR...",
    "-ERR...",
    "+OK...",
    *["2 40", "3 0", "."],
    "-ERR...",
    "+OK...",
]


def assert_said(said: bytes, expected: list[str]) -> None:
    lines = said.decode().split("\r\n")
    assert lines.pop() == ""
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert line.startswith(pattern[:-3]) if pattern.endswith("...") else line == pattern


# Conformance: P-1939-02, P-1939-03, P-1939-09, P-1939-13, P-ROB-03, P-ROB-07, S-1939-10, S-1939-41
def test_a_whole_session() -> None:
    said, asked = session([COMMANDS])
    assert_said(said, EXPECTED)
    assert asked == [
        proto.PasswordLogin("mrose", "tanstaaf"),
        proto.Retrieve(1, None),
        proto.Retrieve(2, 1),
        proto.Retrieve(3, None),
        proto.Update((1,), (1, 3)),
        proto.Close(proto.CloseReason.QUIT),
    ]


# Conformance: P-1939-01, A-17
def test_every_cut_gives_the_same_answers() -> None:
    whole = session([COMMANDS])
    for cut in range(1, len(COMMANDS)):
        assert session([COMMANDS[:cut], COMMANDS[cut:]]) == whole, cut
    assert session(COMMANDS[at : at + 1] for at in range(len(COMMANDS))) == whole


def logged_in(messages: dict[str, bytes] = MESSAGES, *, began: float = 0.0) -> proto.Server:
    server = proto.Server(is_tls=True, began=began)
    server.receive_data(b"USER mrose\r\nPASS tanstaaf\r\n")
    Maildrop(messages).answer(server, login_of(server))
    while server.data_to_send():
        pass
    return server


def login_of(server: proto.Server) -> proto.ServerEvent:
    event = server.next_event()
    assert not isinstance(event, proto.Wait)
    return event


def said_by(server: proto.Server) -> bytes:
    said = b""
    while octets := server.data_to_send():
        said += octets
    return said


# Conformance: S-1939-19, A-32
def test_without_quit_nothing_is_to_be_removed() -> None:
    server = logged_in()
    server.receive_data(b"DELE 1\r\n")
    assert server.next_event() is PAUSED
    assert said_by(server)
    assert server.next_event() is NEED_DATA
    server.receive_data(b"")
    assert server.next_event() == proto.Close(proto.CloseReason.EOF)
    assert server.next_event() is PAUSED
    assert server.state is proto.SessionState.CLOSED


def test_an_answer_is_waited_for() -> None:
    server = logged_in()
    assert server.state is proto.SessionState.TRANSACTION
    server.receive_data(b"RETR 1\r\nNOOP\r\n")
    assert server.next_event() == proto.Retrieve(1, None)
    assert server.next_event() is PAUSED
    with pytest.raises(pop3.UsageError):
        server.accept([])
    server.refuse_message("SYS/TEMP")
    assert server.next_event() is PAUSED
    assert_said(said_by(server), ["-ERR [SYS/TEMP]...", "+OK..."])
    with pytest.raises(pop3.UsageError):
        server.refuse_message()


def test_a_message_in_pieces_is_written_in_order() -> None:
    server = logged_in({"a": b"x"})
    server.receive_data(b"TOP 1 1\r\n")
    assert server.next_event() == proto.Retrieve(1, 1)
    server.begin_message()
    wire = b""
    for piece in [b"A: b\n", b"\n", b".first\nsecond\n", b"third\n"]:
        if server.is_body_satisfied:
            break
        wire += server.send_body(piece)
    server.end_message()
    assert_said(wire + said_by(server), ["+OK...", "A: b", "", "..first", "."])
    with pytest.raises(pop3.UsageError, match="no message"):
        server.send_body(b"")


# Conformance: A-66
def test_a_message_that_breaks_off_gets_no_end() -> None:
    server = logged_in()
    server.receive_data(b"RETR 2\r\n")
    server.next_event()
    server.begin_message()
    server.send_body(b"half")
    server.abort_message()
    assert server.next_event() == proto.Close(proto.CloseReason.BODY_FAILED)
    assert said_by(server) == b""
    with pytest.raises(pop3.UsageError):
        server.end_message()


@pytest.mark.parametrize(
    ("rejection", "code"),
    [
        (proto.Rejection.BAD_CREDENTIALS, b"[AUTH]"),
        (proto.Rejection.IN_USE, b"[IN-USE]"),
        (proto.Rejection.LOGIN_DELAY, b"[LOGIN-DELAY]"),
        (proto.Rejection.PERMANENT, b"[SYS/PERM]"),
        (proto.Rejection.TEMPORARY, b"[SYS/TEMP]"),
    ],
)
def test_rejections_have_their_codes(rejection: proto.Rejection, code: bytes) -> None:
    server = proto.Server(is_tls=True)
    server.receive_data(b"USER a\r\nPASS b\r\n")
    server.next_event()
    said_by(server)
    server.reject(rejection)
    assert said_by(server).startswith(b"-ERR " + code)


def test_a_sasl_exchange() -> None:
    policy = proto.Policy(mechanisms=[proto.OfferedMechanism("X-TEST", is_plaintext=False)], user_pass=False)
    server = proto.Server(policy)
    said_by(server)
    server.receive_data(b"AUTH x-test aGk=\r\n")
    assert server.next_event() == proto.SaslLogin("X-TEST", b"hi")
    server.challenge(b"prove it")
    assert said_by(server) == b"+ cHJvdmUgaXQ=\r\n"
    server.receive_data(b"aGVyZQ==\r\n")
    assert server.next_event() == proto.SaslResponse(b"here")
    server.accept([])
    assert server.state is proto.SessionState.TRANSACTION


def test_apop() -> None:
    server = proto.Server(is_tls=True, apop_timestamp="<1@example.org>")
    assert said_by(server) == b"+OK POP3 server ready <1@example.org>\r\n"
    server.receive_data(b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n")
    digest = bytes.fromhex("c4c9334bac560ecc979e58001b3e22fb")
    assert server.next_event() == proto.ApopLogin("mrose", digest, "<1@example.org>")


# Conformance: S-STLS-01, S-STLS-02, A-01
def test_octets_between_stls_and_tls_end_the_session() -> None:
    server = proto.Server()
    said_by(server)
    server.receive_data(b"STLS\r\nCAPA\r\n")
    with pytest.raises(pop3.ProtocolError, match="STLS"):
        server.next_event()
    assert said_by(server) == b""
    server = proto.Server()
    server.receive_data(b"STLS\r\n")
    assert server.next_event() == proto.StartTls()
    server.receive_data(b"CAPA\r\n")
    with pytest.raises(pop3.ProtocolError, match="STLS"):
        server.tls_established()


# Conformance: S-STLS-03
def test_tls_comes_between() -> None:
    server = proto.Server(proto.Policy(allow_plaintext_without_tls=True))
    server.receive_data(b"USER mallory\r\nSTLS\r\n")
    assert server.next_event() == proto.StartTls()
    assert server.next_event() is PAUSED
    assert not server.is_tls
    said_by(server)
    server.tls_established()
    assert server.is_tls
    server.receive_data(b"PASS x\r\n")
    assert server.next_event() is PAUSED
    assert said_by(server).startswith(b"-ERR")
    with pytest.raises(pop3.UsageError):
        server.tls_established()


# Conformance: S-1939-20, S-1939-22, S-1939-23
def test_autologout_by_the_clock_of_the_application() -> None:
    server = logged_in(began=1000.0)
    server.handle_timeout(1010.0)
    assert server.poll_timeout() == 1610.0
    server.handle_timeout(1609.9)
    assert server.next_event() is NEED_DATA
    server.receive_data(b"DELE 1\r\n")
    assert server.next_event() is PAUSED
    assert said_by(server)
    assert server.poll_timeout() == pytest.approx(2209.9)
    server.handle_timeout(2210.0)
    assert server.next_event() == proto.Close(proto.CloseReason.AUTOLOGOUT)
    assert said_by(server) == b""
    assert server.poll_timeout() is None


def test_a_shutdown_lets_go_between_commands() -> None:
    server = logged_in()
    server.receive_data(b"DELE 1\r\nQUIT\r\n")
    assert server.next_event() == proto.Update((1,), ())
    server.shut_down()
    assert server.next_event() is PAUSED
    server.finish_update(proto.UpdateOutcome.SOME_NOT_REMOVED)
    assert server.next_event() == proto.Close(proto.CloseReason.QUIT)
    assert said_by(server).splitlines()[-1].startswith(b"-ERR [SYS/TEMP]")
    idle = logged_in()
    idle.shut_down()
    assert idle.next_event() == proto.Close(proto.CloseReason.SHUTTING_DOWN)


def test_a_long_listing_is_made_as_it_is_taken() -> None:
    count = 20_000
    server = proto.Server(is_tls=True)
    server.receive_data(b"USER a\r\nPASS b\r\n")
    server.next_event()
    server.accept(proto.MessageInfo(7, f"id-{number}") for number in range(count))
    said_by(server)
    server.receive_data(b"UIDL\r\n")
    assert server.next_event() is PAUSED
    pieces = []
    while octets := server.data_to_send():
        pieces.append(octets)
    assert max(map(len, pieces)) < 128 * 1024
    lines = b"".join(pieces).split(b"\r\n")
    assert lines[1] == b"1 id-0"
    assert lines[-3:] == [f"{count} id-{count - 1}".encode(), b".", b""]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (proto.Policy(autologout=599), "600 s"),
        (proto.Policy(max_line=100), "255"),
        (proto.Policy(greeting="[x"), "greeting"),
        (proto.Policy(user_pass=False), "log in"),
        (proto.Policy(stls=False), "log in"),
        (proto.Policy(languages=[]), "languages"),
        (proto.Policy(max_failed_logins=-1), "max_failed_logins"),
        (proto.Policy(autologout=-1), "autologout"),
    ],
)
def test_a_policy_that_no_server_should_have_is_refused(policy: proto.Policy, words: str) -> None:
    with pytest.raises(pop3.UsageError, match=words):
        proto.Server(policy)


def test_a_policy_comes_through() -> None:
    policy = proto.Policy(
        greeting="hello",
        languages=["en", "de"],
        utf8="user",
        expire=proto.Expire(30, is_per_user=True),
        login_delay=60,
        implementation="Test/1",
        mechanisms=[proto.OfferedMechanism("PLAIN", is_plaintext=True)],
    )
    server = proto.Server(policy, is_tls=True)
    server.receive_data(b"CAPA\r\nUSER a\r\nPASS b\r\n")
    server.next_event()
    before = said_by(server)
    assert before.startswith(b"+OK hello\r\n")
    for line in [b"SASL PLAIN", b"EXPIRE 30 USER", b"LOGIN-DELAY 60", b"UTF8 USER", b"LANG"]:
        assert line + b"\r\n" in before
    server.accept([], expire=proto.Expire(7), login_delay=60)
    said_by(server)
    server.receive_data(b"CAPA\r\n")
    server.next_event()
    after = said_by(server)
    assert b"EXPIRE 7\r\n" in after
    assert b"IMPLEMENTATION Test/1\r\n" in after


def test_a_maildrop_that_cannot_be_is_refused() -> None:
    server = proto.Server(is_tls=True)
    server.receive_data(b"USER a\r\nPASS b\r\n")
    server.next_event()
    with pytest.raises(pop3.UsageError, match="unique-id"):
        server.accept([proto.MessageInfo(1, "two words")])
    server.accept([proto.MessageInfo(1, "x" * 70)])


# Conformance: S-1939-32
@pytest.mark.parametrize(
    ("message", "octets"), [(b"", 0), (b"a", 3), (b"a\n", 3), (b"a\r\n", 3), (b"\n\r\n\r", 7), (b".\n..", 7)]
)
def test_sizes_are_counted_as_on_the_wire(message: bytes, octets: int) -> None:
    assert proto.message_octets(message) == octets
