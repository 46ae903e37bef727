"""Events and commands as values: frozen, comparable, matchable, and without a secret in their repr."""

import copy
import dataclasses
import pickle

import pop3
import pytest
from pop3 import proto

SECRET = "tanstaaf"

HOLDERS = [
    proto.Pass(SECRET),
    proto.Auth("PLAIN", SECRET.encode()),
    proto.Apop("mrose", SECRET.encode() * 2),
    proto.Challenge(1, SECRET.encode()),
    proto.PasswordLogin("mrose", SECRET),
    proto.ApopLogin("mrose", SECRET.encode() * 2, "<1@a>"),
    proto.SaslLogin("PLAIN", SECRET.encode()),
    proto.SaslResponse(SECRET.encode()),
    proto.MessageChunk(1, SECRET.encode()),
]


# Conformance: S-ROB-04
@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_no_secret_in_a_repr(holder: object) -> None:
    assert SECRET not in repr(holder)
    assert SECRET not in str(holder)
    assert type(holder).__name__ in repr(holder)


# Conformance: S-ROB-04
def test_no_secret_in_the_repr_of_a_machine_or_in_a_message() -> None:
    client = proto.Client()
    client.receive_data(b"+OK\r\n")
    client.next_event()
    client.send(proto.User("mrose"))
    client.receive_data(b"+OK\r\n")
    client.next_event()
    with pytest.raises(pop3.UsageError) as refusal:
        client.send(proto.Pass(SECRET + "\r\n"))
    assert SECRET not in str(refusal.value)
    client.send(proto.Pass(SECRET))
    assert repr(client) == "<pop3.proto.Client, AUTHORIZATION, 1 outstanding>"
    server = proto.Server(is_tls=True)
    server.receive_data(f"USER mrose\r\nPASS {SECRET}\r\n".encode())
    server.next_event()
    assert repr(server) == "<pop3.proto.Server, AUTHORIZATION>"


@pytest.mark.parametrize("value", HOLDERS, ids=lambda holder: type(holder).__name__)
def test_values_are_frozen_and_compare(value: object) -> None:
    assert dataclasses.is_dataclass(value)
    first = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, first, "other")
    assert not hasattr(value, "__dict__")
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value
    assert hash(copy.copy(value)) == hash(value)


def test_events_of_other_classes_are_not_equal() -> None:
    events: list[proto.ClientEvent] = [proto.ScanListing(1, 2, 3), proto.DropListing(1, 2, 3)]
    assert events[0] != events[1]
    events = [proto.Closed(), proto.Closed(), proto.StartTls()]
    assert events[0] == events[1]
    assert events[0] != events[2]


def test_every_class_can_be_matched_by_position() -> None:
    classes = [value for value in vars(proto).values() if dataclasses.is_dataclass(value)]
    assert len(classes) > 35
    for value in classes:
        assert isinstance(value, type)
        if value is not proto.Policy:
            assert getattr(value, "__match_args__") == tuple(field.name for field in dataclasses.fields(value))
    match proto.Retrieve(4, None):
        case proto.Retrieve(number, None):
            assert number == 4
        case _:
            pytest.fail("no match")


def test_the_sentinels_are_themselves() -> None:
    assert repr(proto.NEED_DATA) == "NEED_DATA"
    assert repr(proto.PAUSED) == "PAUSED"
    assert copy.deepcopy(proto.NEED_DATA) is proto.NEED_DATA
    assert set(proto.Wait) == {proto.NEED_DATA, proto.PAUSED}


def test_exceptions_are_one_tree() -> None:
    for name in pop3.__all__:
        value = getattr(pop3, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            assert issubclass(value, pop3.Error)
            assert value.__module__ == "pop3"
    assert issubclass(pop3.TimeoutError, TimeoutError)
    assert issubclass(pop3.ConnectionClosed, ConnectionError)
    refusal = pop3.InUse("the server refused the login", "IN-USE", "busy")
    again = pickle.loads(pickle.dumps(refusal))
    assert (type(again), str(again), again.code, again.text) == (
        pop3.InUse,
        "the server refused the login",
        "IN-USE",
        "busy",
    )
