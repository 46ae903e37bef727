"""What ``Client`` takes and gives."""

from enum import Enum
from typing import NamedTuple, Protocol


class Security(Enum):
    """Whether and how the connection is encrypted. None of them tries TLS and falls back in silence.

    RFC 8314 section 5.2.
    """

    IMPLICIT_TLS = "implicit TLS"
    """TLS from the first octet on, usually port 995: what ``pops://`` stands for."""

    STLS_REQUIRED = "STLS required"
    """STLS as the first command, or nothing, usually port 110: what ``pop://`` stands for. RFC 2595 section 4."""

    INSECURE_PLAIN = "insecure: plain"
    """No TLS; everybody on the way reads along, the password too."""

    INSECURE_OPPORTUNISTIC = "insecure: opportunistic"
    """STLS where the server announces it, else no TLS: whoever stands in between can choose."""


class DropListing(NamedTuple):
    """STAT: messages that are not marked as deleted, and their octets. RFC 1939 section 5."""

    count: int  # type: ignore[assignment]  # the tuple method of this name is of no use here
    size: int


class ScanListing(NamedTuple):
    """A line of LIST: a message's number, and its size in octets. RFC 1939 section 5."""

    number: int
    size: int


class UniqueIdListing(NamedTuple):
    """A line of UIDL: a message's number, and its unique-id, which lasts across sessions. RFC 1939 section 7."""

    number: int
    unique_id: str


class BinaryFile(Protocol):
    """Where ``Client.retr_to`` writes to: a file that was opened for binary writing, and blocks."""

    def write(self, data: bytes, /) -> int | None:
        """Takes octets; gives how many it took, or ``None`` for all of them."""
