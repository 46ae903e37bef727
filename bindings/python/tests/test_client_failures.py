"""The synchronous client against servers that misbehave, refuse, stall or break off."""

import io
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pop3
import pytest
from pop3 import Security, proto
from servers import PATIENCE, Maildrop, ThreadServer, Wire

PASSWORD = "tanstaaf"
CLEAR = Security.INSECURE_PLAIN

# What a server says to log somebody in.
CAPA = [b"+OK", b"USER", b"AUTH-RESP-CODE", b"."]
LOGIN: dict[str, bytes | list[bytes]] = {"CAPA": CAPA, "USER": b"+OK", "PASS": b"+OK"}


def connect(server: ThreadServer, timeout: float = PATIENCE) -> pop3.Client:
    return pop3.Client(server.url, password=PASSWORD, security=CLEAR, timeout=timeout)


def test_a_server_made_of_the_other_machine() -> None:
    maildrop = Maildrop({"a": b"Subject: one\n\n.\n", "b": b"two"})
    with ThreadServer(maildrop.serve) as server:
        with connect(server) as client:
            assert client.stat() == (2, 24)
            assert client.retr(1) == b"Subject: one\r\n\r\n.\r\n"
            assert client.uidl() == [(1, "a"), (2, "b")]
            client.dele(1)
            client.dele(2)
            client.rset()
            client.dele(2)
        assert client.removed == (2,)
    assert list(maildrop.messages) == ["a"]
    assert maildrop.reasons == [proto.CloseReason.QUIT]


# Conformance: C-1939-15
def test_an_exception_drops_the_connection_without_quit() -> None:
    maildrop = Maildrop({"a": b"one"})
    with ThreadServer(maildrop.serve) as server:
        with pytest.raises(KeyError), connect(server) as client:
            client.dele(1)
            raise KeyError
    assert maildrop.reasons == [proto.CloseReason.EOF]
    assert list(maildrop.messages) == ["a"]


# Conformance: C-1939-08, C-REL-09
def test_messages_that_could_not_be_removed() -> None:
    maildrop = Maildrop({"a": b"one"}, is_stuck=True)
    with ThreadServer(maildrop.serve) as server:
        with pytest.raises(pop3.TemporaryError) as refusal, connect(server) as client:
            client.dele(1)
        assert refusal.value.code == "SYS/TEMP"
        assert client.removed is None


# Conformance: C-1939-08
def test_no_answer_to_quit_is_no_removal() -> None:
    def serve(wire: Wire) -> None:
        wire.say(b"+OK")
        while line := wire.hear():
            if line == b"QUIT":
                return
            wire.say(*(CAPA if line == b"CAPA" else [b"+OK"]))

    with ThreadServer(serve) as server:
        with pytest.raises(pop3.ConnectionClosed), connect(server) as client:
            client.dele(1)
        assert client.removed is None
        assert client.marked == (1,)


# Conformance: C-REL-03
def test_a_broken_session_does_not_end_as_if_it_had_removed() -> None:
    def serve(wire: Wire) -> None:
        wire.say(b"+OK")
        wire.answer(**LOGIN, DELE=b"+OK", NOOP=b"what?", QUIT=b"+OK")

    with ThreadServer(serve) as server:
        with pytest.raises(pop3.ConnectionFailed, match="not removed"), connect(server) as client:
            client.dele(1)
            with pytest.raises(pop3.ProtocolError):
                client.noop()
        assert client.removed is None
        with connect(server) as client, pytest.raises(pop3.ProtocolError):
            client.noop()


@pytest.mark.parametrize(
    ("rejection", "exception"),
    [
        (proto.Rejection.BAD_CREDENTIALS, pop3.AuthFailed),
        (proto.Rejection.IN_USE, pop3.InUse),
        (proto.Rejection.LOGIN_DELAY, pop3.LoginDelay),
        (proto.Rejection.TEMPORARY, pop3.TemporaryError),
        (proto.Rejection.PERMANENT, pop3.PermanentError),
    ],
)
# Conformance: C-3206-01
def test_a_refused_login_says_why(rejection: proto.Rejection, exception: type[pop3.Refused]) -> None:
    with ThreadServer(Maildrop({}, rejection=rejection).serve) as server:
        with pytest.raises(exception) as refusal:
            connect(server)
        assert type(refusal.value) is exception
        assert refusal.value.code == rejection.value
        assert PASSWORD not in str(refusal.value)


# Conformance: C-3206-01, C-3206-03
def test_a_refused_login_without_a_code() -> None:
    def serve(wire: Wire) -> None:
        wire.say(b"+OK")
        wire.answer(CAPA=CAPA, USER=b"+OK", PASS=b"-ERR the maildrop is locked by somebody")

    def serve_old(wire: Wire) -> None:
        wire.say(b"+OK")
        wire.answer(USER=b"+OK", PASS=b"-ERR no")

    with ThreadServer(serve) as server:
        with pytest.raises(pop3.Refused) as refusal:
            connect(server)
        assert type(refusal.value) is pop3.Refused
        assert refusal.value.text == "the maildrop is locked by somebody"
    with ThreadServer(serve_old) as server, pytest.raises(pop3.AuthFailed):
        connect(server)


# Conformance: C-2449-01, C-2449-02, C-1957-01
def test_a_server_that_knows_the_least() -> None:
    def serve(wire: Wire) -> None:
        wire.say(b"+OK")
        wire.answer(
            USER=b"+OK", PASS=b"+OK", STAT=b"+OK 1 3 what else", LIST=[b"+OK", b"1 3", b"."], RETR=[b"+OK", b"a", b"."]
        )

    with ThreadServer(serve) as server, connect(server) as client:
        assert client.capabilities() == {}
        assert client.stat() == (1, 3)
        assert client.list() == [(1, 3)]
        assert client.retr(1) == b"a\r\n"
        with pytest.raises(pop3.Refused):
            client.uidl()


# Conformance: C-1939-02
def test_a_greeting_that_refuses() -> None:
    with ThreadServer(lambda wire: wire.say(b"-ERR [SYS/TEMP] come back later")) as server:
        with pytest.raises(pop3.TemporaryError, match="come back later"):
            connect(server)
    with ThreadServer(lambda wire: wire.say(b"-ERR go away")) as server:
        with pytest.raises(pop3.Refused, match="go away"):
            connect(server)


@pytest.mark.parametrize(
    ("greeting", "exception"),
    [
        (b"* OK IMAP4rev1", pop3.ProtocolError),
        (b"+OK " + b"x" * 10_000, pop3.ProtocolError),
    ],
)
# Conformance: C-STLS-06, C-ROB-01
def test_a_greeting_that_is_none(greeting: bytes, exception: type[pop3.Error]) -> None:
    with ThreadServer(lambda wire: wire.say(greeting)) as server, pytest.raises(exception):
        connect(server)


def test_a_connection_that_ends_before_the_greeting() -> None:
    with ThreadServer(lambda _: None) as server, pytest.raises(pop3.ConnectionClosed):
        connect(server)


# Conformance: C-1939-06
def test_a_message_that_breaks_off_is_no_message() -> None:
    def serve(wire: Wire) -> None:
        wire.say(b"+OK")
        for _ in range(3):
            wire.say(*(CAPA if wire.hear() == b"CAPA" else [b"+OK"]))
        wire.hear()
        wire.say(b"+OK", b"Subject: half", b"", b"of it")

    class Pieces(list[bytes]):
        def write(self, data: bytes, /) -> None:
            self.append(data)

    with ThreadServer(serve) as server:
        with pytest.raises(pop3.ConnectionClosed):
            connect(server).retr(1)
        pieces = Pieces()
        with pytest.raises(pop3.ConnectionClosed):
            connect(server).retr_to(1, pieces)
        assert b"".join(pieces).startswith(b"Subject: half\r\n")


# Conformance: C-2595-05, C-STLS-03, C-8314-02
@pytest.mark.parametrize("answer", [b"-ERR Unknown command", b"-ERR [SYS/TEMP] not now"])
def test_without_tls_no_password_is_sent(answer: bytes) -> None:
    heard: list[bytes] = []

    def serve(wire: Wire) -> None:
        wire.say(b"+OK")
        wire.answer(CAPA=CAPA, STLS=answer)
        heard.extend(wire.heard)

    with ThreadServer(serve) as server, pytest.raises(pop3.TlsError):
        pop3.Client(server.url, password=PASSWORD, timeout=PATIENCE)
    assert set(heard) <= {b"CAPA", b"STLS", b"QUIT", b""}


# Conformance: C-STLS-01
def test_octets_between_stls_and_tls_end_the_session() -> None:
    def serve(wire: Wire) -> None:
        wire.say(b"+OK")
        wire.answer(CAPA=CAPA, STLS=[b"+OK", b"+OK TOP"])

    with ThreadServer(serve) as server, pytest.raises(pop3.ProtocolError, match="STLS"):
        pop3.Client(server.url, password=PASSWORD, timeout=PATIENCE)


def test_a_port_that_does_not_speak_tls() -> None:
    with ThreadServer(lambda wire: wire.say(b"+OK POP3 in clear")) as server:
        with pytest.raises((pop3.TlsError, pop3.ConnectionFailed)):
            pop3.Client(server.pops, password=PASSWORD, timeout=PATIENCE)


def test_a_server_that_says_nothing() -> None:
    over = threading.Event()

    def serve(wire: Wire) -> None:
        over.wait(PATIENCE)

    with ThreadServer(serve) as server:
        try:
            with pytest.raises(pop3.TimeoutError) as failure:
                connect(server, timeout=0.2)
            assert isinstance(failure.value, TimeoutError)
        finally:
            over.set()


def test_a_port_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(pop3.ConnectionFailed, match=f"127.0.0.1 port {port}"):
        pop3.Client(f"pops://mrose@127.0.0.1:{port}", timeout=PATIENCE)
    with pytest.raises(pop3.ConnectionFailed, match="no-such-host.invalid"):
        pop3.Client("pops://mrose@no-such-host.invalid", timeout=PATIENCE)


# Conformance: C-2384-01
@pytest.mark.parametrize(
    "url",
    [
        "imap://mrose@example.org",
        "pops://mrose:secret@example.org",
        "pops://",
        "pops://mrose@example.org/INBOX",
        "pops://mrose@example.org:0",
        "mrose@example.org",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(pop3.UsageError) as failure:
        pop3.Client(url, password=PASSWORD)
    assert "secret" not in str(failure.value)


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(pop3.UsageError, match="user name"):
        pop3.Client("pops://example.org", password=PASSWORD)
    with pytest.raises(pop3.UsageError, match="not both"):
        pop3.Client("pops://mrose@example.org", password=PASSWORD, token="token")
    for timeout in [0, -1, float("nan")]:
        with pytest.raises(pop3.UsageError, match="timeout"):
            pop3.Client("pops://mrose@example.org", timeout=timeout)


def test_the_user_may_stand_beside_the_url() -> None:
    with ThreadServer(Maildrop({}, name="m@x").serve) as server:
        for url, user in [(server.url.replace("mrose@", ""), "m@x"), (server.url.replace("mrose", "m%40x"), None)]:
            with pop3.Client(url, user=user, password=PASSWORD, security=CLEAR, timeout=PATIENCE) as client:
                assert client.stat() == (0, 0)


def test_other_threads_run_while_a_client_waits() -> None:
    """The server answers only once another thread has counted: with the interpreter held, none ever would."""
    counted = threading.Event()

    def count() -> None:
        number = 0
        while number < 100_000:
            number += 1
        counted.set()

    def serve(wire: Wire) -> None:
        wire.say(b"+OK")
        for _ in range(3):
            wire.say(*(CAPA if wire.hear() == b"CAPA" else [b"+OK"]))
        assert wire.hear() == b"NOOP"
        thread = threading.Thread(target=count)
        thread.start()
        assert counted.wait(PATIENCE)
        thread.join()
        wire.say(b"+OK")
        wire.answer()

    with ThreadServer(serve) as server, connect(server) as client:
        client.noop()
        assert counted.is_set()


class EndlessMessage:
    """A server whose message never ends, or ends after ``pieces`` pieces of 64 KiB."""

    PIECE = (b"x" * 1022 + b"\r\n") * 64

    def __init__(self, pieces: int | None = None) -> None:
        self.pieces = pieces

    def __call__(self, wire: Wire) -> None:
        wire.say(b"+OK")
        while line := wire.hear():
            match line.split()[0]:
                case b"CAPA":
                    wire.say(*CAPA)
                case b"RETR" | b"TOP":
                    wire.say(b"+OK")
                    sent = 0
                    while self.pieces is None or sent < self.pieces:
                        wire.socket.sendall(self.PIECE)
                        sent += 1
                    wire.say(b".")
                case _:
                    wire.say(b"+OK")


# Conformance: A-91
@pytest.mark.parametrize("command", ["retr", "top", "retr_to"])
def test_a_message_beyond_the_limit_is_an_error_and_the_session_goes_on(command: str) -> None:
    calls: dict[str, Callable[[pop3.Client, int], object]] = {
        "retr": lambda client, limit: client.retr(1, max_octets=limit),
        "top": lambda client, limit: client.top(1, 5, max_octets=limit),
        "retr_to": lambda client, limit: client.retr_to(1, io.BytesIO(), max_octets=limit),
    }
    size = 10 * 65536
    with ThreadServer(EndlessMessage(10)) as server:
        client = connect(server)
        for limit in (0, 1, 65535, size - 1):
            with pytest.raises(pop3.MessageTooLarge, match=f"more than {limit} octets"):
                calls[command](client, limit)
            client.noop()
        calls[command](client, size)
        client.quit()


# Conformance: A-91
@pytest.mark.parametrize("command", ["retr(1)", "top(1)", "retr(1, max_octets=1 << 62)"])
def test_an_endless_message_is_a_memory_error_where_memory_ends_first(command: str) -> None:
    with ThreadServer(EndlessMessage()) as server:
        script = (
            "import pop3, resource\n"
            f"client = pop3.Client({server.url!r}, password='x', security=pop3.Security.INSECURE_PLAIN)\n"
            "resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))\n"
            "try:\n"
            f"    client.{command}\n"
            "except MemoryError:\n"
            "    print('no memory')\n"
            "client.close()\n"
        )
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE)
        assert (ran.returncode, ran.stdout) == (0, "no memory\n"), ran


# Conformance: A-91
def test_an_endless_message_that_is_not_wanted_ends_the_session() -> None:
    with ThreadServer(EndlessMessage()) as server:
        client = connect(server)
        with pytest.raises(pop3.MessageTooLarge):
            client.retr(1, max_octets=1000)
        # What is discarded is limited too: 1 GiB.
        with pytest.raises(pop3.ProtocolError, match="more than 1073741824 octets"):
            client.noop()
