"""The synchronous client against the real server."""

import errno
import io
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pop3
import pytest
from pop3 import proto
from servers import PATIENCE, RealServer


def deliver(server: RealServer, message: bytes) -> int:
    """Delivers a message; gives its number, wherever the server puts it."""
    with connect(server) as client:
        before = {unique_id for _, unique_id in client.uidl()}
    server.deliver(message)
    with connect(server) as client:
        (new,) = (number for number, unique_id in client.uidl() if unique_id not in before)
    return new


def connect(server: RealServer, url: str | None = None) -> pop3.Client:
    return pop3.Client(
        url or server.pops, password=server.password, ca_file=server.ca_file, timeout=PATIENCE
    )


def test_certificates_to_trust_may_be_in_memory(reading_server: RealServer) -> None:
    pem = reading_server.ca_file.read_text()
    der = ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END CERTIFICATE-----") + 25] + "\n")
    for ca_data in (pem, pem.encode(), der):
        with pop3.Client(
            reading_server.pops, password=reading_server.password, ca_data=ca_data, timeout=PATIENCE
        ) as client:
            assert client.is_tls
    for ca_data in ("", b"no certificate"):
        with pytest.raises(pop3.TlsError):
            pop3.Client(reading_server.pops, password="x", ca_data=ca_data, timeout=PATIENCE)
    with pytest.raises(pop3.UsageError, match="not both"):
        pop3.Client(reading_server.pops, password="x", ca_data=pem, ca_file=reading_server.ca_file)


@pytest.mark.parametrize("auth", ["+USER", "PLAIN", "SCRAM-SHA-256", None])
def test_a_way_to_log_in_is_chosen(reading_server: RealServer, auth: str | None) -> None:
    with pop3.Client(
        reading_server.pops,
        password=reading_server.password,
        auth=auth,
        ca_file=reading_server.ca_file,
        timeout=PATIENCE,
    ) as client:
        assert client.stat().count == 4
    with pytest.raises(pop3.UsageError, match="unknown way"):
        pop3.Client(reading_server.pops, password="x", auth="NTLM", ca_file=reading_server.ca_file)


@pytest.mark.parametrize("scheme", ["pops", "pop"])
def test_everything_that_can_be_asked(reading_server: RealServer, scheme: str) -> None:
    with connect(reading_server, getattr(reading_server, scheme)) as client:
        assert client.is_tls
        count, size = client.stat()
        assert (client.stat().count, client.stat().size) == (count, size)
        assert count == 4
        sizes = client.list()
        assert [listing.number for listing in sizes] == [1, 2, 3, 4]
        assert sum(listing.size for listing in sizes) == size
        assert client.list(2) == sizes[1]
        unique_ids = client.uidl()
        assert len({unique_id for _, unique_id in unique_ids}) == count
        assert client.uidl(3) == unique_ids[2]
        assert client.capabilities()["EXPIRE"] == ("NEVER",)
        assert "STLS" not in client.capabilities()
        client.noop()
        for number, octets in sizes:
            message = client.retr(number)
            assert len(message) == octets
            assert message.endswith(b"\r\n")
            header, _, body = message.partition(b"\r\n\r\n")
            assert client.top(number) == header + b"\r\n\r\n"
            assert client.top(number, 1) == header + b"\r\n\r\n" + body.split(b"\r\n")[0] + b"\r\n"
            assert client.top(number, 10**9) == message
    assert client.removed == ()
    assert not client.is_tls


# Conformance: C-1939-05, S-1939-32
def test_a_message_comes_as_it_was_delivered(server: RealServer) -> None:
    stored = b"Subject: dots\n\n.\n..\nmid.\n\xff\x00\n" + b"x" * 200_000 + b"\r\n.\r\nno end"
    number = deliver(server, stored)
    with connect(server) as client:
        message = client.retr(number)
        assert message.endswith(stored.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n")
        assert client.list(number).size == len(message)
        file = io.BytesIO()
        assert client.retr_to(number, file) == len(message)
        assert file.getvalue() == message


def test_a_message_goes_into_a_file(reading_server: RealServer, tmp_path: Path) -> None:
    with connect(reading_server) as client:
        for buffering in [0, -1]:
            with (tmp_path / "message").open("wb", buffering) as file:
                octets = client.retr_to(2, file)
            assert (tmp_path / "message").read_bytes() == client.retr(2)
            assert octets == client.list(2).size


# Conformance: S-1939-15, S-1939-16
def test_what_is_marked_is_removed_by_a_normal_end(server: RealServer) -> None:
    with connect(server) as client:
        before = dict(client.uidl())
        client.dele(3)
        client.dele(1)
        assert client.marked == (1, 3)
        assert client.removed is None
    assert client.removed == (1, 3)
    assert not client.marked
    with connect(server) as client:
        assert [unique_id for _, unique_id in client.uidl()] == [before[2], before[4]]


# Conformance: C-1939-15, S-1939-19
def test_an_exception_removes_nothing(server: RealServer) -> None:
    with pytest.raises(ZeroDivisionError), connect(server) as client:
        client.dele(1)
        raise ZeroDivisionError
    assert client.removed is None
    with pytest.raises(pop3.UsageError, match="over"):
        client.stat()
    with connect(server) as again:
        assert again.stat().count == 4


# Conformance: C-1939-15, S-1939-19
def test_close_removes_nothing(server: RealServer) -> None:
    client = connect(server)
    client.dele(2)
    client.close()
    client.close()
    assert client.removed is None
    with connect(server) as again:
        assert again.stat().count == 4


# Conformance: A-31
def test_rset_takes_marks_away(server: RealServer) -> None:
    client = connect(server)
    client.dele(1)
    client.rset()
    assert client.marked == ()
    assert client.quit() == ()
    with connect(server) as again:
        assert again.stat().count == 4


def test_quit_says_what_was_removed(server: RealServer) -> None:
    client = connect(server)
    client.dele(4)
    assert client.quit() == (4,)
    assert client.removed == (4,)
    with pytest.raises(pop3.UsageError, match="over"):
        client.quit()


# Conformance: A-29
def test_a_refusal_leaves_the_session_as_it_was(server: RealServer) -> None:
    with connect(server) as client:
        client.dele(2)
        attempts: list[Callable[[], object]] = [
            lambda: client.dele(2),
            lambda: client.retr(2),
            lambda: client.top(2),
            lambda: client.list(2),
            lambda: client.uidl(2),
            lambda: client.retr(99),
            lambda: client.retr_to(99, io.BytesIO()),
        ]
        for refused in attempts:
            with pytest.raises(pop3.Refused) as refusal:
                refused()
            assert type(refusal.value) is pop3.Refused
            assert refusal.value.code is None
            assert refusal.value.text in str(refusal.value)
        assert client.stat().count == 3
        client.rset()


def test_numbers_that_cannot_be_are_not_sent(reading_server: RealServer) -> None:
    with connect(reading_server) as client:
        for number in [0, -1, 2**32]:
            with pytest.raises(pop3.UsageError):
                client.retr(number)
        with pytest.raises(TypeError):
            client.retr("1")  # type: ignore[arg-type]


def test_a_raw_file_that_would_block_is_an_error(server: RealServer) -> None:
    number = deliver(server, b"Subject: long\n\n" + b"line\n" * 100_000)
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with connect(server) as client:
        with os.fdopen(write_end, "wb", buffering=0) as file:
            with pytest.raises(BlockingIOError) as blocked:
                client.retr_to(number, file)
        with os.fdopen(read_end, "rb") as reader:
            arrived = reader.read()
        message = client.retr(number)
        assert blocked.value.errno == errno.EAGAIN
        assert blocked.value.characters_written == len(arrived)
        assert 0 < len(arrived) < len(message)
        assert message.startswith(arrived)


def test_what_write_gives_is_taken_at_its_word(server: RealServer) -> None:
    number = deliver(server, b"Subject: long\n\n" + b"line\n" * 10_000)

    class Raw(io.RawIOBase):
        """Takes a few octets at a time, as a raw file may."""

        def __init__(self) -> None:
            self.got = bytearray()

        def write(self, data: Any, /) -> int:
            self.got += data[:1000]
            return min(1000, len(data))

    class Silent:
        """Says nothing, and took everything."""

        def __init__(self) -> None:
            self.got = bytearray()

        def write(self, data: bytes, /) -> None:
            self.got += data

    class Odd:
        def __init__(self, gives: Any) -> None:
            self.gives = gives

        def write(self, _data: bytes, /) -> Any:
            return self.gives

    with connect(server) as client:
        message = client.retr(number)
        raw, silent = Raw(), Silent()
        for file in (raw, silent):
            assert client.retr_to(number, file) == len(message)
        assert raw.got == message
        assert silent.got == message
        for gives in ("12", -1, 1.5, 10**9, [1]):
            with pytest.raises(TypeError, match="how many octets"):
                client.retr_to(number, Odd(gives))
        with pytest.raises(OSError, match="none of the octets"):
            client.retr_to(number, Odd(0))
        assert client.retr(number) == message


def test_a_file_that_fails_leaves_the_session_as_it_was(server: RealServer) -> None:
    class Full:
        def __init__(self, room: int) -> None:
            self.room = room

        def write(self, data: bytes, /) -> int:
            if not self.room:
                raise OSError(28, "No space left on device")
            taken = min(self.room, len(data))
            self.room -= taken
            return taken

    class Stuck:
        def write(self, data: bytes, /) -> int:
            return 0

    number = deliver(server, b"Subject: long\n\n" + b"line\n" * 100_000)
    with connect(server) as client:
        with pytest.raises(OSError, match="No space left"):
            client.retr_to(number, Full(100_000))
        with pytest.raises(OSError, match="took none"):
            client.retr_to(number, Stuck())
        with pytest.raises(TypeError):
            client.retr_to(number, object())  # type: ignore[arg-type]
        assert client.stat().count == 5
        assert client.retr_to(number, Full(10**9)) == client.list(number).size


def test_a_wrong_password(server: RealServer) -> None:
    with pytest.raises(pop3.AuthFailed) as refusal:
        pop3.Client(server.pops, password="wonderland", ca_file=server.ca_file, timeout=PATIENCE)
    assert refusal.value.code == "AUTH"
    assert "wonderland" not in str(refusal.value)
    assert issubclass(pop3.AuthFailed, pop3.Refused)


def test_login_can_be_tried_again(server: RealServer) -> None:
    with pop3.Client(server.pops, ca_file=server.ca_file, timeout=PATIENCE) as client:
        assert "SASL" in client.capabilities()
        with pytest.raises(pop3.UsageError, match="log in"):
            client.stat()
        with pytest.raises(pop3.AuthFailed):
            client.login(password="wrong")
        client.login(user=server.user, password=server.password)
        with pytest.raises(pop3.UsageError, match="already"):
            client.login(password=server.password)
        assert client.stat().count == 4


def test_a_maildrop_in_use(server: RealServer) -> None:
    with connect(server) as client:
        with pytest.raises(pop3.InUse) as refusal:
            connect(server)
        assert refusal.value.code == "IN-USE"
        assert client.stat().count == 4


# Conformance: C-7817-01
@pytest.mark.parametrize("scheme", ["pops", "pop"])
def test_a_certificate_that_nobody_vouches_for(
    reading_server: RealServer, tmp_path_factory: pytest.TempPathFactory, scheme: str
) -> None:
    other = RealServer(tmp_path_factory.mktemp("other") / "home")
    other.stop()
    url = getattr(reading_server, scheme)
    for ca_file in [other.ca_file, None]:
        with pytest.raises(pop3.TlsError, match="certificate"):
            pop3.Client(url, password=reading_server.password, ca_file=ca_file, timeout=PATIENCE)


# Conformance: C-7817-10, C-7817-12
def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    elsewhere = RealServer(tmp_path / "home", "127.0.0.2")
    try:
        for url in [elsewhere.pops, elsewhere.pop]:
            with pytest.raises(pop3.TlsError, match="is not for 127.0.0.2"):
                connect(elsewhere, url)
    finally:
        elsewhere.stop()


def test_a_file_of_certificates_that_is_none(reading_server: RealServer, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    ca_files: list[str | Path] = [str(empty), tmp_path / "missing.pem"]
    for ca_file in ca_files:
        with pytest.raises(pop3.TlsError) as failure:
            pop3.Client(reading_server.pops, password="x", ca_file=ca_file)
        assert str(ca_file) in str(failure.value)


def test_one_thread_at_a_time(reading_server: RealServer) -> None:
    class Meddler:
        def __init__(self, client: pop3.Client) -> None:
            self.client = client

        def write(self, data: bytes, /) -> None:
            self.client.noop()

    with connect(reading_server) as client:
        with pytest.raises(pop3.UsageError, match="in use"):
            client.retr_to(1, Meddler(client))
        client.noop()


# Conformance: S-ROB-04
def test_no_password_in_a_repr(reading_server: RealServer) -> None:
    with connect(reading_server) as client:
        assert repr(client) == f"<pop3.Client of {reading_server.pops}>"
        assert reading_server.password not in repr(client)


def test_a_security_that_is_no_member_is_refused() -> None:
    for wrong in ("plain", "INSECURE_PLAIN", 3, proto.Rejection.IN_USE):
        with pytest.raises(pop3.UsageError, match="member of pop3.Security"):
            pop3.Client("pop://a@127.0.0.1:1", security=wrong)  # type: ignore[arg-type]


def test_contradictions_are_refused_before_anything_is_sent() -> None:
    for url, more in (
        ("pops://alice@127.0.0.1:1", {"user": "bob", "password": "x"}),
        ("pops://alice@127.0.0.1:1", {"security": pop3.Security.STLS_REQUIRED}),
        ("pops://alice@127.0.0.1:1", {"password": ""}),
        ("pops://alice@127.0.0.1:1", {"token": ""}),
        ("pops://alice@127.0.0.1:1", {"timeout": float("inf")}),
    ):
        with pytest.raises(pop3.UsageError):
            pop3.Client(url, **more)


def test_a_file_is_something_with_write(reading_server: RealServer) -> None:
    with connect(reading_server) as client:
        with pytest.raises(TypeError, match=r"write\(\) method"):
            client.retr_to(1, "out.eml")  # type: ignore[arg-type]
        assert client.top(1, lines=1) == client.top(1, 1)
