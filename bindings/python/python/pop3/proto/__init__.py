'''Both sides of POP3 as machines without I/O: octets in, events out; commands and answers in, octets out.

The sockets, the threads, TLS and the clock are yours. The run loop, for either machine::

    while True:
        while data := machine.data_to_send():
            sock.sendall(data)
        event = machine.next_event()
        if event is NEED_DATA:
            machine.receive_data(sock.recv(65536))  # b"" says that the peer closed
        elif event is not PAUSED:
            ...  # look at it; send commands or answers

A message over the wire, without a wire:

>>> from pop3 import proto
>>> client, server = proto.Client(), proto.Server(is_tls=True)
>>> client.receive_data(server.data_to_send())
>>> client.next_event()
Greeting(is_ok=True, code=None, text='POP3 server ready', timestamp=None)
>>> client.send(proto.User("mrose"))
0
>>> server.receive_data(client.data_to_send())
>>> server.next_event()  # it answers USER by itself: there is something to write
PAUSED
>>> client.receive_data(server.data_to_send())
>>> client.next_event()
Response(id=0, is_ok=True, code=None, text='Send PASS', is_last=True)
'''

from pop3._pop3 import ProtoClient as Client
from pop3._pop3 import ProtoServer as Server
from pop3._pop3 import message_octets

from ._client_events import (
    Capability,
    Challenge,
    ClientEvent,
    Closed,
    DropListing,
    End,
    Greeting,
    Language,
    MalformedListing,
    Mechanism,
    MessageChunk,
    Response,
    ScanListing,
    UniqueIdListing,
)
from ._commands import (
    Apop,
    Auth,
    Capa,
    Command,
    Dele,
    Lang,
    List,
    Noop,
    Pass,
    Quit,
    Retr,
    Rset,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
    Utf8,
)
from ._server_events import (
    ApopLogin,
    Close,
    PasswordLogin,
    Retrieve,
    SaslCancelled,
    SaslLogin,
    SaslResponse,
    ServerEvent,
    Update,
)
from ._values import (
    NEED_DATA,
    PAUSED,
    CloseReason,
    Expire,
    MessageInfo,
    OfferedMechanism,
    Pipelining,
    Policy,
    Rejection,
    SessionState,
    StartTls,
    UpdateOutcome,
    Wait,
)

__all__ = [
    "NEED_DATA",
    "PAUSED",
    "Apop",
    "ApopLogin",
    "Auth",
    "Capa",
    "Capability",
    "Challenge",
    "Client",
    "ClientEvent",
    "Close",
    "CloseReason",
    "Closed",
    "Command",
    "Dele",
    "DropListing",
    "End",
    "Expire",
    "Greeting",
    "Lang",
    "Language",
    "List",
    "MalformedListing",
    "Mechanism",
    "MessageChunk",
    "MessageInfo",
    "Noop",
    "OfferedMechanism",
    "Pass",
    "PasswordLogin",
    "Pipelining",
    "Policy",
    "Quit",
    "Rejection",
    "Response",
    "Retr",
    "Retrieve",
    "Rset",
    "SaslCancelled",
    "SaslLogin",
    "SaslResponse",
    "ScanListing",
    "Server",
    "ServerEvent",
    "SessionState",
    "StartTls",
    "Stat",
    "Stls",
    "Top",
    "Uidl",
    "UniqueIdListing",
    "Update",
    "UpdateOutcome",
    "User",
    "Utf8",
    "Wait",
    "message_octets",
]
