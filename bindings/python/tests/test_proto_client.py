"""The client's machine, fed by hand."""

from collections.abc import Iterable, Iterator

import pop3
import pytest
from pop3 import proto
from pop3.proto import NEED_DATA, PAUSED

COMMANDS: list[proto.Command] = [
    proto.Capa(),
    proto.User("mrose"),
    proto.Pass("tanstaaf"),
    proto.Stat(),
    proto.List(),
    proto.List(2),
    proto.Uidl(),
    proto.Retr(1),
    proto.Retr(9),
    proto.Top(2, 0),
    proto.Dele(1),
    proto.Quit(),
]

WIRE = (
    b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n"
    b"+OK Capabilities\r\nTOP\r\nSASL PLAIN SCRAM-SHA-256\r\nEXPIRE 7 USER\r\n.\r\n"
    b"+OK\r\n"
    b"+OK maildrop open\r\n"
    b"+OK 2 320 and more\r\n"
    b"+OK\r\n1 120\r\n2 200\r\n.\r\n"
    b"+OK 2 200\r\n"
    b"+OK\r\n1 whqtswO00WBw418f9t5JxYwZ\r\n2 QhdPYR:00WBw1Ph7x7\r\n.\r\n"
    b"+OK 120 octets\r\nSubject: dots\r\n\r\n..one\r\n...two\r\nmid.\r\n.\r\n"
    b"-ERR [SYS/TEMP] it is gone\r\n"
    b"+OK\r\n.\r\n"
    b"+OK\r\n"
    b"+OK bye\r\n"
)


def events(pieces: Iterable[bytes]) -> Iterator[proto.ClientEvent]:
    """What comes of these pieces of the server's octets; commands are sent as answers arrive."""
    client = proto.Client()
    commands = iter(COMMANDS)
    for piece in pieces:
        client.receive_data(piece)
        while not isinstance(event := client.next_event(), proto.Wait):
            yield event
            if client.outstanding == 0 and (command := next(commands, None)) is not None:
                client.send(command)
    assert client.state is proto.SessionState.CLOSED


def joined(all_events: Iterable[proto.ClientEvent]) -> list[proto.ClientEvent]:
    """The same events, where chunks that follow each other are one."""
    result: list[proto.ClientEvent] = []
    for event in all_events:
        if isinstance(event, proto.MessageChunk) and isinstance(last := result[-1], proto.MessageChunk):
            result[-1] = proto.MessageChunk(event.id, last.chunk + event.chunk)
        else:
            result.append(event)
    return result


# Conformance: C-1939-04, P-1939-10, P-1939-11, P-1939-12, P-1939-16, P-1939-17
def test_a_whole_session() -> None:
    assert joined(events([WIRE])) == [
        proto.Greeting(
            True,
            None,
            "POP3 server ready <1896.697170952@dbc.mtview.ca.us>",
            "<1896.697170952@dbc.mtview.ca.us>",
        ),
        proto.Response(0, True, None, "Capabilities", False),
        proto.Capability(0, "TOP", ()),
        proto.Capability(0, "SASL", ("PLAIN", "SCRAM-SHA-256")),
        proto.Capability(0, "EXPIRE", ("7", "USER")),
        proto.End(0),
        proto.Response(1, True, None, "", True),
        proto.Response(2, True, None, "maildrop open", True),
        proto.DropListing(3, 2, 320),
        proto.Response(4, True, None, "", False),
        proto.ScanListing(4, 1, 120),
        proto.ScanListing(4, 2, 200),
        proto.End(4),
        proto.ScanListing(5, 2, 200),
        proto.Response(6, True, None, "", False),
        proto.UniqueIdListing(6, 1, "whqtswO00WBw418f9t5JxYwZ"),
        proto.UniqueIdListing(6, 2, "QhdPYR:00WBw1Ph7x7"),
        proto.End(6),
        proto.Response(7, True, None, "120 octets", False),
        proto.MessageChunk(7, b"Subject: dots\r\n\r\n.one\r\n..two\r\nmid.\r\n"),
        proto.End(7),
        proto.Response(8, False, "SYS/TEMP", "it is gone", True),
        proto.Response(9, True, None, "", False),
        proto.End(9),
        proto.Response(10, True, None, "", True),
        proto.Response(11, True, None, "bye", True),
    ]


# Conformance: P-1939-01
def test_every_cut_gives_the_same_events() -> None:
    whole = joined(events([WIRE]))
    for cut in range(1, len(WIRE)):
        assert joined(events([WIRE[:cut], WIRE[cut:]])) == whole, cut
    assert joined(events(WIRE[at : at + 1] for at in range(len(WIRE)))) == whole


def greeted() -> proto.Client:
    client = proto.Client()
    client.receive_data(b"+OK\r\n")
    assert isinstance(client.next_event(), proto.Greeting)
    return client


# Conformance: C-1939-01
def test_nothing_is_sent_before_the_greeting() -> None:
    client = proto.Client()
    with pytest.raises(pop3.UsageError, match="greeting"):
        client.send(proto.Capa())
    assert client.data_to_send() == b""
    assert client.next_event() is NEED_DATA


def test_commands_on_the_wire() -> None:
    client = greeted()
    assert client.send(proto.Apop("mrose", bytes(range(16)))) == 0
    assert client.data_to_send() == b"APOP mrose 000102030405060708090a0b0c0d0e0f\r\n"
    assert client.data_to_send() == b""
    client.receive_data(b"-ERR no\r\n")
    assert client.next_event() == proto.Response(0, False, None, "no", True)
    client.send(proto.Auth())
    assert client.data_to_send() == b"AUTH\r\n"


# Conformance: C-2449-05
def test_commands_are_sent_ahead_only_where_pipelining_was_announced() -> None:
    client = greeted()
    first = client.send(proto.Capa())
    with pytest.raises(pop3.UsageError, match="PIPELINING"):
        client.send(proto.Capa())
    assert not client.may_pipeline
    client.receive_data(b"+OK\r\nPIPELINING\r\n.\r\n")
    while not isinstance(client.next_event(), proto.Wait):
        pass
    assert client.may_pipeline
    ids = [client.send(proto.Capa()), client.send(proto.User("a"))]
    assert [first, *ids] == [0, 1, 2]
    assert client.outstanding == 2
    client.receive_data(b"-ERR\r\n+OK\r\n")
    assert [client.next_event(), client.next_event()] == [
        proto.Response(1, False, None, "", True),
        proto.Response(2, True, None, "", True),
    ]


def test_pipelining_can_be_forbidden() -> None:
    client = proto.Client(pipelining=proto.Pipelining.NEVER)
    client.receive_data(b"+OK\r\n")
    client.next_event()
    client.send(proto.Capa())
    client.receive_data(b"+OK\r\nPIPELINING\r\n.\r\n")
    while not isinstance(client.next_event(), proto.Wait):
        pass
    assert not client.may_pipeline


# Conformance: C-5034-03
def test_a_sasl_exchange() -> None:
    client = greeted()
    client.send(proto.Auth("SCRAM-SHA-256", b""))
    assert client.data_to_send() == b"AUTH SCRAM-SHA-256 =\r\n"
    client.receive_data(b"+ dGlja2V0\r\n")
    assert client.next_event() == proto.Challenge(0, b"ticket")
    assert client.next_event() is PAUSED
    client.respond(b"answer")
    assert client.data_to_send() == b"YW5zd2Vy\r\n"
    assert client.next_event() is NEED_DATA
    client.receive_data(b"+ \r\n")
    assert client.next_event() == proto.Challenge(0, b"")
    client.cancel_auth()
    assert client.data_to_send() == b"*\r\n"
    with pytest.raises(pop3.UsageError):
        client.respond(b"")


def agreed_on_tls() -> proto.Client:
    client = greeted()
    client.send(proto.Stls())
    client.data_to_send()
    client.receive_data(b"+OK\r\n")
    assert isinstance(client.next_event(), proto.Response)
    return client


# Conformance: C-2595-01
def test_tls_comes_between() -> None:
    client = agreed_on_tls()
    assert client.next_event() == proto.StartTls()
    assert client.next_event() is PAUSED
    with pytest.raises(pop3.UsageError, match="TLS"):
        client.send(proto.Capa())
    client.tls_established()
    assert client.next_event() is NEED_DATA
    client.send(proto.Capa())
    assert client.data_to_send() == b"CAPA\r\n"


# Conformance: C-STLS-01
def test_octets_between_stls_and_tls_end_the_session() -> None:
    client = agreed_on_tls()
    client.receive_data(b"+OK\r\n")
    with pytest.raises(pop3.ProtocolError, match="STLS"):
        client.next_event()
    client = agreed_on_tls()
    assert client.next_event() == proto.StartTls()
    client.receive_data(b"+OK\r\n")
    with pytest.raises(pop3.ProtocolError, match="STLS"):
        client.tls_established()


# Conformance: C-1939-06
def test_an_end_in_the_middle_is_no_end() -> None:
    client = proto.Client()
    client.receive_data(b"+OK")
    client.receive_data(b"")
    with pytest.raises(pop3.ConnectionClosed):
        client.next_event()
    with pytest.raises(pop3.UsageError):
        client.receive_data(b"\r\n")


def test_an_end_where_it_may_come() -> None:
    client = greeted()
    client.receive_data(b"")
    assert client.next_event() == proto.Closed()
    assert client.next_event() is PAUSED


# Conformance: C-ROB-01
def test_misbehaviour_is_told_again_and_again() -> None:
    client = proto.Client(max_line=100)
    client.receive_data(b"+OK " + b"x" * 100)
    for _ in range(2):
        with pytest.raises(pop3.ProtocolError, match="100 octets"):
            client.next_event()
    with pytest.raises(pop3.UsageError):
        client.send(proto.Capa())
    unsolicited = greeted()
    unsolicited.receive_data(b"+OK\r\n")
    with pytest.raises(pop3.ProtocolError):
        unsolicited.next_event()


# Conformance: C-PROV-07
def test_odd_unique_ids_come_through_without_loss() -> None:
    client = greeted()
    for command, answer in [(proto.User("a"), b"+OK"), (proto.Pass("b"), b"+OK"), (proto.Uidl(), b"")]:
        client.send(command)
        client.receive_data(answer and answer + b"\r\n" or b"+OK\r\n1 \xff\xc3\xa9 x\r\n2  \r\n.\r\n")
        first = client.next_event()
    assert isinstance(first, proto.Response)
    listing = client.next_event()
    assert isinstance(listing, proto.UniqueIdListing)
    assert listing.unique_id.encode("utf-8", "surrogateescape") == b"\xff\xc3\xa9 x"
    assert client.next_event() == proto.MalformedListing(2, 2)


def test_text_of_the_server_is_text() -> None:
    client = proto.Client()
    client.receive_data(b"-ERR [IN-USE] \xff caf\xc3\xa9\r\n")
    assert client.next_event() == proto.Greeting(False, "IN-USE", "\\xff caf\u00e9", None)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (proto.Retr(0), "message-number"),
        (proto.Retr(-1), "message-number"),
        (proto.Retr(2**32), "message-number"),
        (proto.Top(1, -1), "number of lines"),
        (proto.User("a\r\nDELE 1"), "0x0d"),
        (proto.Auth("no such/name"), "mechanism"),
        (proto.Apop("a", b"short"), "16 octets"),
        (proto.Lang("a b"), "language tag"),
    ],
)
def test_what_cannot_be_sent_is_refused(command: proto.Command, words: str) -> None:
    client = greeted()
    with pytest.raises(pop3.UsageError, match=words):
        client.send(command)
    assert client.data_to_send() == b""
    assert client.outstanding == 0


def test_other_objects_are_no_commands() -> None:
    with pytest.raises(TypeError, match="str"):
        greeted().send("NOOP")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        greeted().send(proto.Retr("1"))  # type: ignore[arg-type]


def test_anything_that_lends_octets_is_taken() -> None:
    client = proto.Client()
    client.receive_data(bytearray(b"+O"))
    client.receive_data(memoryview(b"K hel"))
    client.receive_data(b"lo\r\n")
    assert client.next_event() == proto.Greeting(True, None, "hello", None)
    with pytest.raises((TypeError, BufferError)):
        client.receive_data("text")  # type: ignore[arg-type]


def test_a_client_has_no_timer() -> None:
    client = proto.Client(began=1000.0)
    client.handle_timeout(5000.0)
    assert client.poll_timeout() is None
    with pytest.raises(pop3.UsageError):
        client.handle_timeout(float("nan"))
