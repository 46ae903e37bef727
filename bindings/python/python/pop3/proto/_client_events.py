"""What ``Client.next_event`` gives: what the server said.

Events of one command come together, in the order in which the commands were sent; ``id`` is what
``Client.send`` gave for the command.
"""

from dataclasses import dataclass, field
from typing import TypeAlias, final

from ._values import StartTls


@final
@dataclass(frozen=True, slots=True)
class Greeting:
    """The first line of the session. When ``is_ok`` is false, the server will not serve. RFC 1939 section 4.

    ``timestamp`` is what APOP signs, where the greeting holds something of the right shape.
    """

    is_ok: bool
    code: str | None
    text: str
    timestamp: str | None


@final
@dataclass(frozen=True, slots=True)
class Response:
    """The first line of a response. RFC 1939 section 3.

    ``code`` is the response code of RFC 2449 section 8 without its brackets. ``text`` is for humans; octets
    in it that are no UTF-8 appear as ``\\xNN``. When ``is_last`` is false, content follows, and then ``End``.
    """

    id: int
    is_ok: bool
    code: str | None
    text: str
    is_last: bool


@final
@dataclass(frozen=True, slots=True)
class DropListing:
    """The whole answer to STAT: messages, and their octets added up. RFC 1939 section 5."""

    id: int
    count: int
    size: int


@final
@dataclass(frozen=True, slots=True)
class ScanListing:
    """A line of LIST's answer; the whole answer to LIST with a number. ``size`` is in octets."""

    id: int
    number: int
    size: int


@final
@dataclass(frozen=True, slots=True)
class UniqueIdListing:
    """A line of UIDL's answer; the whole answer to UIDL with a number. RFC 1939 section 7.

    Octets that are no UTF-8 are kept as lone surrogates, as ``os.fsdecode`` does.
    """

    id: int
    number: int
    unique_id: str


@final
@dataclass(frozen=True, slots=True)
class MalformedListing:
    """A line of LIST's or UIDL's answer that names a message and says nothing about it that makes sense."""

    id: int
    number: int


@final
@dataclass(frozen=True, slots=True)
class Capability:
    """A line of CAPA's answer: its tag in upper case as far as it is known, and its parameters.

    RFC 2449 section 5.
    """

    id: int
    tag: str
    parameters: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Mechanism:
    """A line of the answer to AUTH without a mechanism. RFC 5034 section 4."""

    id: int
    name: str


@final
@dataclass(frozen=True, slots=True)
class Language:
    """A line of LANG's answer. RFC 6856 section 3.2."""

    id: int
    tag: str
    description: str


@final
@dataclass(frozen=True, slots=True)
class MessageChunk:
    """Content of a message, unstuffed, with the line ends that came. It may end anywhere, even inside a line."""

    id: int
    chunk: bytes

    def __repr__(self) -> str:
        return f"MessageChunk(id={self.id}, chunk=<{len(self.chunk)} octets>)"


@final
@dataclass(frozen=True, slots=True)
class End:
    """The termination line of a multi-line response. RFC 1939 section 3."""

    id: int


@final
@dataclass(frozen=True, slots=True)
class Challenge:
    """Answer with ``respond`` or ``cancel_auth``. ``challenge`` is decoded. RFC 5034 section 4."""

    id: int
    challenge: bytes = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class Closed:
    """The server closed the connection where it may."""


ClientEvent: TypeAlias = (
    Greeting
    | Response
    | DropListing
    | ScanListing
    | UniqueIdListing
    | MalformedListing
    | Capability
    | Mechanism
    | Language
    | MessageChunk
    | End
    | Challenge
    | StartTls
    | Closed
)
