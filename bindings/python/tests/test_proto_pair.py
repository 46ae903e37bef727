"""Client and server machine against each other, over a wire that cuts anywhere."""

import contextlib
import random
import re

import pop3
import pytest
from pop3 import proto
from servers import Maildrop

PIECES = [b".", b"..", b"\n", b"\r\n", b"\r", b".\r\n", b"\n.\n", b"text", b"a" * 700, b"\xff\x00", b": ", b"\n\n"]


def wire_form(message: bytes) -> bytes:
    """What RETR gives of a stored message: CRLF line ends, the last included. RFC 1939 section 11."""
    lines = re.sub(rb"\r?\n", b"\r\n", message)
    return lines if not lines or lines.endswith(b"\r\n") else lines + b"\r\n"


class Pair:
    """Both machines, and the octets under way between them."""

    def __init__(self, chance: random.Random, maildrop: Maildrop) -> None:
        self.chance = chance
        self.maildrop = maildrop
        self.client = proto.Client()
        self.server = proto.Server(is_tls=True)
        self.to_client, self.to_server = b"", b""
        self.events: list[proto.ClientEvent] = []

    def run(self) -> list[proto.ClientEvent]:
        """Until nothing moves any more; gives the client's events since the last time."""
        self.events = []
        while self.step():
            pass
        return self.events

    def step(self) -> bool:
        moved = False
        while octets := self.server.data_to_send():
            self.to_client, moved = self.to_client + octets, True
        while octets := self.client.data_to_send():
            self.to_server, moved = self.to_server + octets, True
        if self.to_server:
            piece, self.to_server = self.cut(self.to_server)
            self.server.receive_data(piece)
            moved = True
        if self.to_client:
            piece, self.to_client = self.cut(self.to_client)
            self.client.receive_data(piece)
            moved = True
        while not isinstance(asked := self.server.next_event(), proto.Wait):
            self.to_client, moved = self.to_client + self.maildrop.answer(self.server, asked), True
        while not isinstance(event := self.client.next_event(), proto.Wait):
            self.events.append(event)
            moved = True
        return moved

    def cut(self, octets: bytes) -> tuple[bytes, bytes]:
        at = self.chance.choice([1, 2, 7, 100, len(octets)])
        return octets[:at], octets[at:]

    def ask(self, *commands: proto.Command) -> list[proto.ClientEvent]:
        ids = [self.client.send(command) for command in commands]
        events = self.run()
        told = [event.id for event in events if hasattr(event, "id")]
        assert told == sorted(told)
        assert sorted(set(told)) == ids
        return events

    def retrieve(self, *numbers: int) -> list[bytes]:
        events = self.ask(*[proto.Retr(number) for number in numbers])
        bodies: dict[int, bytes] = {}
        for event in events:
            match event:
                case proto.Response(id, True, None, _, False):
                    bodies[id] = b""
                case proto.MessageChunk(id, chunk):
                    bodies[id] += chunk
                case proto.End():
                    pass
                case _:
                    pytest.fail(f"{event} in the answer to RETR")
        return list(bodies.values())


# Conformance: P-1939-01, P-1939-10, P-1939-11, P-1939-12, P-1939-13, P-ROB-02, P-ROB-04, P-ROB-05, P-ROB-06
# Conformance: C-1939-05, S-1939-32, A-67, A-68
@pytest.mark.parametrize("seed", range(60))
def test_what_is_stored_is_what_is_read(seed: int) -> None:
    chance = random.Random(seed)
    bodies = [b"".join(chance.choices(PIECES, k=chance.randrange(12))) for _ in range(chance.randrange(1, 8))]
    pair = Pair(chance, Maildrop({f"id-{index}": body for index, body in enumerate(bodies)}))
    pair.run()
    pair.ask(proto.User("mrose"))
    (opened,) = pair.ask(proto.Pass("tanstaaf"))
    assert isinstance(opened, proto.Response)
    assert opened.is_ok
    pair.ask(proto.Capa())
    assert pair.client.may_pipeline
    sizes = [len(wire_form(body)) for body in bodies]
    numbers = range(1, len(bodies) + 1)
    listed = [event for event in pair.ask(proto.List()) if isinstance(event, proto.ScanListing)]
    assert [(event.number, event.size) for event in listed] == list(zip(numbers, sizes, strict=True))
    assert pair.retrieve(*numbers) == [wire_form(body) for body in bodies]
    for number, size in zip(numbers, sizes, strict=True):
        (listing,) = pair.ask(proto.List(number))
        assert isinstance(listing, proto.ScanListing)
        assert (listing.number, listing.size) == (number, size)


# Conformance: S-1939-10, S-1939-15, S-1939-16
@pytest.mark.parametrize("seed", range(40))
def test_marks_and_what_becomes_of_them(seed: int) -> None:
    chance = random.Random(1000 + seed)
    maildrop = Maildrop({f"id-{index}": b"x" * index for index in range(chance.randrange(1, 12))})
    before = dict(maildrop.messages)
    pair = Pair(chance, maildrop)
    pair.run()
    pair.ask(proto.User("mrose"))
    pair.ask(proto.Pass("tanstaaf"))
    marked: set[int] = set()
    for _ in range(20):
        if chance.random() < 0.1:
            pair.ask(proto.Rset())
            marked.clear()
        number = chance.randrange(1, len(before) + 3)
        (response,) = pair.ask(proto.Dele(number))
        assert isinstance(response, proto.Response)
        assert response.is_ok == (number <= len(before) and number not in marked)
        if response.is_ok:
            marked.add(number)
        (stat,) = pair.ask(proto.Stat())
        assert isinstance(stat, proto.DropListing)
        assert stat.count == len(before) - len(marked)
    (last,) = pair.ask(proto.Quit())
    assert isinstance(last, proto.Response)
    assert last.is_ok
    kept = [unique_id for number, unique_id in enumerate(before, 1) if number not in marked]
    assert list(maildrop.messages) == kept
    assert maildrop.reasons == [proto.CloseReason.QUIT]


@pytest.mark.parametrize("seed", range(40))
def test_noise_ends_in_an_answer_or_in_an_error_of_the_package(seed: int) -> None:
    chance = random.Random(2000 + seed)
    words = [b"USER", b"PASS", b"AUTH", b"STLS", b"RETR", b"LIST", b"QUIT", b"+OK", b"-ERR", b" ", b"1", b"0", b"*"]
    noise = b"".join(chance.choices([*words, b"=", b"\r\n", b"\n", b"\x00", b"\xff", b"." * 300], k=400))
    server = proto.Server(proto.Policy(allow_plaintext_without_tls=True))
    maildrop = Maildrop({"a": b"b"})
    said = server.data_to_send()
    with contextlib.suppress(pop3.ProtocolError):
        for at in range(0, len(noise), 50):
            server.receive_data(noise[at : at + 50])
            while not isinstance(asked := server.next_event(), proto.Wait):
                said += maildrop.answer(server, asked)
            while octets := server.data_to_send():
                said += octets
    assert re.fullmatch(rb"((\+OK|-ERR)( [^\r\n]*)?\r\n(\.\r\n)?)+", said)
    client = proto.Client()
    client.receive_data(noise)
    with pytest.raises(pop3.ProtocolError):
        while not isinstance(client.next_event(), proto.Wait):
            pass
