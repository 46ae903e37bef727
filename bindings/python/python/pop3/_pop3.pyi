"""The native half of ``pop3``."""

import builtins
from collections.abc import Iterable
from os import PathLike
from types import TracebackType
from typing import Final, final, overload

from ._values import BinaryFile, DropListing, ScanListing, Security, UniqueIdListing
from .proto import (
    ClientEvent,
    Command,
    Expire,
    MessageInfo,
    Pipelining,
    Policy,
    Rejection,
    ServerEvent,
    SessionState,
    UpdateOutcome,
    Wait,
)

__all__ = ["Client", "ProtoClient", "ProtoServer", "__version__", "message_octets"]

__version__: Final[str]

def message_octets(message: bytes | bytearray) -> int:
    """The size of a stored message in octets, as LIST and STAT count it. RFC 1939 section 11."""

@final
class ProtoClient:
    """The client's side of a session: sends commands, and matches what comes back to them in order.

    ``max_line`` and ``max_challenge`` are octets of one line, its end included; ``max_listing`` is lines of one
    listing; ``max_outstanding`` is commands on the wire. ``accept_lf`` takes LF alone as a line end. ``began``
    is the time of the clock that ``handle_timeout`` will be told.
    """

    def __new__(
        cls,
        *,
        pipelining: Pipelining | None = None,
        max_line: int = 8192,
        max_challenge: int = 65536,
        max_listing: int = 10000000,
        max_outstanding: int = 128,
        accept_lf: bool = False,
        began: float = 0.0,
    ) -> ProtoClient: ...
    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Takes octets that the server sent; none of them, ``b""``, says that it closed its half.

        Raises ``UsageError`` when octets come behind the end.
        """

    def next_event(self) -> ClientEvent | Wait:
        """The next event, or ``NEED_DATA`` or ``PAUSED``.

        Raises ``ProtocolError`` when the server broke the protocol, and ``ConnectionClosed`` when it closed
        where it may not; every later call does so again.
        """

    def data_to_send(self) -> bytes:
        """Octets to write now, at most about 64 KiB; they count as written. Call it until it gives ``b""``."""

    def send(self, command: Command, /) -> int:
        """Queues a command, and gives the id that its events will carry.

        May be called again before the answer has come, as far as PIPELINING allows. RFC 2449 section 6.6.

        Raises ``UsageError`` when the command cannot be sent now; then nothing was queued.
        """

    def respond(self, response: bytes | bytearray, /) -> None:
        """Answers a ``Challenge``; base64 is the machine's business. RFC 5034 section 4.

        Raises ``UsageError`` when none waits.
        """

    def cancel_auth(self) -> None:
        """Gives the SASL exchange up; the server answers ``-ERR``. RFC 5034 section 4.

        Raises ``UsageError`` when no challenge waits.
        """

    def tls_established(self) -> None:
        """The handshake that ``StartTls`` asked for is done. What was learned before is forgotten.

        Raises ``UsageError`` when no handshake was asked for, and ``ProtocolError`` when octets came between
        the answer to STLS and the handshake. RFC 2595 section 4.
        """

    def handle_timeout(self, now: float, /) -> None:
        """Tells the time, in seconds of the clock that ``began`` is of."""

    def poll_timeout(self) -> float | None:
        """When ``handle_timeout`` has to be called; ``None`` for a client: how long to wait is your business."""

    @property
    def state(self) -> SessionState:
        """Where the session stands, as far as this side knows."""

    @property
    def outstanding(self) -> int:
        """How many commands wait for the end of their answer."""

    @property
    def may_pipeline(self) -> bool:
        """Whether another command may be sent while one is unanswered. RFC 2449 section 6.6."""

@final
class ProtoServer:
    """The server's side of a session, which begins with the greeting.

    Answers CAPA, NOOP, STAT, LIST, UIDL, DELE, RSET, bad syntax and wrong states by itself, from the maildrop
    that ``accept`` gave it. Events are the questions that only the outside can answer, one at a time.

    Raises ``UsageError`` when the policy is one that no server should have, or leaves no way to log in.
    """

    def __new__(
        cls,
        policy: Policy | None = None,
        /,
        *,
        is_tls: bool = False,
        apop_timestamp: str | None = None,
        began: float = 0.0,
    ) -> ProtoServer: ...
    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Takes octets that the client sent; none of them, ``b""``, says that it closed its half.

        Raises ``UsageError`` when octets come behind the end.
        """

    def next_event(self) -> ServerEvent | Wait:
        """The next question, or ``NEED_DATA`` or ``PAUSED``.

        Raises ``ProtocolError`` when the client broke the protocol so that the session cannot go on; every
        later call does so again.
        """

    def data_to_send(self) -> bytes:
        """Octets to write now, at most about 64 KiB; they count as written. Call it until it gives ``b""``."""

    def accept(
        self, messages: Iterable[MessageInfo], *, login_delay: int | None = None, expire: Expire | None = None
    ) -> None:
        """The login succeeded and the maildrop is locked: ``messages`` are its ``MessageInfo``, in order.

        ``login_delay`` (seconds) and ``expire`` are this user's own, where they differ by user.

        Raises ``UsageError`` when no login waits for an answer, or a unique-id is none.
        """

    def reject(self, rejection: Rejection, /) -> None:
        """The login failed: ``-ERR`` with the code that says whose fault it was. RFC 2449 section 8, RFC 3206.

        Raises ``UsageError`` when no login waits for an answer.
        """

    def challenge(self, challenge: bytes | bytearray, /) -> None:
        """The mechanism has something to say; the answer comes as ``SaslResponse``. RFC 5034 section 4.

        Raises ``UsageError`` when no SASL login waits for an answer.
        """

    def begin_message(self) -> None:
        """Queues ``+OK`` for the message that ``Retrieve`` asked for; ``send_body`` follows.

        Raises ``UsageError`` when no retrieval waits for an answer.
        """

    def send_body(self, chunk: bytes | bytearray, /) -> bytes:
        """A piece of the stored message, as it goes on the wire: with CRLF line ends and byte-stuffed.

        Write what it gives; what was queued before is part of it. Raises ``UsageError`` when no message was
        begun.
        """

    @property
    def is_body_satisfied(self) -> bool:
        """Whether ``send_body`` needs no more of this message: TOP has its lines. RFC 1939 section 7."""

    def end_message(self) -> None:
        """Queues the termination line.

        Raises ``UsageError`` when no message was begun.
        """

    def abort_message(self) -> None:
        """The store failed half-way: the session ends without the termination line.

        Raises ``UsageError`` when no message was begun.
        """

    def refuse_message(self, code: str | None = None) -> None:
        """The message cannot be sent: ``-ERR``, with a response code as ``"SYS/TEMP"`` if there is one.

        Raises ``UsageError`` when no retrieval waits for an answer, or the code is none.
        """

    def finish_update(self, outcome: UpdateOutcome, /) -> None:
        """Removal is done, and this is what came of it. RFC 1939 section 6.

        Raises ``UsageError`` when no update waits for an answer.
        """

    def tls_established(self) -> None:
        """The handshake that ``StartTls`` asked for is done. RFC 2595 section 4.

        Raises ``UsageError`` when no handshake was asked for, and ``ProtocolError`` when octets came between
        STLS and the handshake.
        """

    def shut_down(self) -> None:
        """Ends the session as soon as nothing is owed. An update that has begun is finished."""

    def handle_timeout(self, now: float, /) -> None:
        """Tells the time, in seconds of the clock that ``began`` is of.

        Do it before ``receive_data``, and when the time that ``poll_timeout`` gave has come.
        """

    def poll_timeout(self) -> float | None:
        """When ``handle_timeout`` has to be called at the latest; a time that is over means at once."""

    @property
    def state(self) -> SessionState:
        """Where the session stands."""

    @property
    def is_tls(self) -> bool:
        """Whether TLS protects the session."""

    @property
    def is_utf8(self) -> bool:
        """Whether the client has asked for UTF-8 mode. RFC 6856 section 2."""

@final
class Client:
    """A session with a POP3 server.

    ``url`` is ``pops://user@host:port`` for TLS from the first octet on (port 995 if none is given), or
    ``pop://user@host:port`` for STLS (port 110), which is required then: the password never goes over a
    connection that is not encrypted, unless ``security`` says so by name. Special characters in the user name
    are written ``%XX``; the last ``@`` is the one before the host. RFC 2384, RFC 8314.

    With ``password``, or with ``token`` for OAuth 2, it logs in at once; without them, ``login`` does. The way
    is the best SASL mechanism that the server offers, else USER and PASS. ``auth`` asks for one way: ``"+USER"`` (USER
    and PASS), ``"+APOP"``, or the name of a SASL mechanism such as ``"PLAIN"``.

    ``ca_file`` is a PEM file of certificates to trust instead of the system's; ``ca_data`` has them in memory, as a
    ``str`` or ``bytes`` in PEM, or one in DER. ``client_certificate`` and ``client_key`` are PEM files for a server that
    asks for a certificate. ``timeout`` is in seconds, for
    connecting, and for every single wait for the server. The interpreter is free while it waits.

    As a context manager it ends with QUIT, which removes what is marked as deleted; an exception drops the
    connection without QUIT, so that nothing is removed. One thread at a time.

    Raises ``AuthFailed``, ``InUse``, ``LoginDelay`` and other ``Refused`` when the server says no, ``TlsError``
    when the connection would not be private, ``ConnectionFailed``, ``TimeoutError``, ``ProtocolError``, and
    ``UsageError`` for a URL that is none.
    """

    def __new__(
        cls,
        url: str,
        /,
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        auth: str | None = None,
        security: Security | None = None,
        ca_file: str | PathLike[str] | None = None,
        ca_data: str | bytes | None = None,
        client_certificate: str | PathLike[str] | None = None,
        client_key: str | PathLike[str] | None = None,
        timeout: float | None = None,
    ) -> Client: ...
    def login(
        self,
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        auth: str | None = None,
    ) -> None:
        """Logs in and opens the maildrop. The user may stand in the URL.

        Raises ``Refused`` or a subclass when the server says no; another attempt may follow then.
        """

    def capabilities(self) -> dict[str, tuple[str, ...]]:
        """What the server announces now: tags with their parameters. It differs before and after login.

        Empty when the server does not know CAPA. RFC 2449 section 5.
        """

    def stat(self) -> DropListing:
        """STAT: how many messages are not marked as deleted, and their octets. RFC 1939 section 5."""

    @overload
    def list(self, number: None = None, /) -> builtins.list[ScanListing]: ...
    @overload
    def list(self, number: int, /) -> ScanListing:
        """LIST: the size in octets of every message that is not marked, or of one. RFC 1939 section 5.

        Sizes are what the server says. A message is left out if the server names no valid size for it. Raises
        ``Refused`` when there is no such message.
        """

    @overload
    def uidl(self, number: None = None, /) -> builtins.list[UniqueIdListing]: ...
    @overload
    def uidl(self, number: int, /) -> UniqueIdListing:
        """UIDL: the unique-id of every message that is not marked, or of one. RFC 1939 section 7.

        Octets in it that are no UTF-8 are kept as lone surrogates, as ``os.fsdecode`` does. Raises ``Refused``
        when there is no such message, or the server has no unique-ids.
        """

    def retr(self, number: int, /, *, max_octets: int = 1073741824) -> bytes:
        """RETR: a whole message, with CRLF line ends. For large ones, see ``retr_to``. RFC 1939 section 5.

        Raises ``Refused`` when there is no such message, it is marked, or the server cannot read it;
        ``MessageTooLarge`` when it has more than ``max_octets`` octets, and ``MemoryError`` when there is no memory for
        it. The session goes on after either.
        """

    def retr_to(self, number: int, file: BinaryFile, /, *, max_octets: int = 1073741824) -> int:
        """RETR into a binary file, piece by piece, whatever the message's size. Gives its octets.

        The message is whole only if this returns: after an exception the file holds a part of it, and the session is as
        usable as before. A raw file that would block raises ``BlockingIOError``, with ``characters_written``; a message
        of more than ``max_octets`` octets raises ``MessageTooLarge``.
        """

    def top(self, number: int, /, lines: int = 0, *, max_octets: int = 1073741824) -> bytes:
        """TOP: the header of a message, the empty line, and so many lines of the body. RFC 1939 section 7.

        Raises ``Refused`` when there is no such message, or the server does not know TOP; ``MessageTooLarge`` and
        ``MemoryError`` as ``retr``.
        """

    def dele(self, number: int, /) -> None:
        """DELE: marks a message as deleted; ``quit`` removes it. RFC 1939 section 5.

        Raises ``Refused`` when there is no such message, or it is marked already.
        """

    def rset(self) -> None:
        """RSET: takes all marks away. RFC 1939 section 5."""

    def noop(self) -> None:
        """NOOP: nothing, but the server's autologout timer starts anew. RFC 1939 section 5."""

    def quit(self) -> tuple[int, ...]:
        """QUIT: removes what is marked as deleted, and ends the session.

        Gives the message-numbers that were removed, ascending. RFC 1939 section 6.

        Raises ``Refused`` when some were not removed. After any other exception it is unknown whether they
        were: compare the unique-ids in the next session.
        """

    def close(self) -> None:
        """Drops the connection without QUIT: nothing is removed. Does nothing when the session is over."""

    @property
    def marked(self) -> tuple[int, ...]:
        """Message-numbers that are marked as deleted in this session, ascending."""

    @property
    def removed(self) -> tuple[int, ...] | None:
        """Message-numbers that the server has removed, ascending; ``None`` until it has confirmed QUIT."""

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted; false once the session is over."""

    def __enter__(self) -> Client: ...
    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
