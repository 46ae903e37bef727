"""What ``Server.next_event`` gives: questions that only the outside can answer. One is open at a time."""

from dataclasses import dataclass, field
from typing import TypeAlias, final

from ._values import CloseReason, StartTls


@final
@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """USER and PASS. Answer: ``accept`` or ``reject``. RFC 1939 section 7."""

    name: str
    password: str = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class ApopLogin:
    """APOP: ``digest`` is 16 octets, MD5 over ``timestamp`` and the shared secret.

    Answer: ``accept`` or ``reject``. RFC 1939 section 7.
    """

    name: str
    digest: bytes = field(repr=False)
    timestamp: str


@final
@dataclass(frozen=True, slots=True)
class SaslLogin:
    """AUTH with a mechanism, in upper case, that is offered on this connection now. RFC 5034.

    ``initial_response`` is decoded; ``None`` when there was none. Answer: ``accept``, ``reject`` or
    ``challenge``.
    """

    mechanism: str
    initial_response: bytes | None = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class SaslResponse:
    """The client's answer to a challenge, decoded. Answer: ``accept``, ``reject`` or ``challenge``."""

    response: bytes = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class SaslCancelled:
    """The exchange is over without a login, and the client was told. Nothing to answer."""


@final
@dataclass(frozen=True, slots=True)
class Retrieve:
    """RETR (``lines`` is ``None``) or TOP of a message that is there and not marked.

    Answer: ``begin_message``, then ``send_body`` as often as needed, then ``end_message``; or
    ``refuse_message``.
    """

    number: int
    lines: int | None


@final
@dataclass(frozen=True, slots=True)
class Update:
    """QUIT after login: remove the messages of ``deletions``. Answer: ``finish_update``. RFC 1939 section 6.

    ``retrieved`` are those that were sent whole. Both hold message-numbers, ascending.
    """

    deletions: tuple[int, ...]
    retrieved: tuple[int, ...]


@final
@dataclass(frozen=True, slots=True)
class Close:
    """Write out what is left and close. Without an ``Update`` before, nothing may be removed."""

    reason: CloseReason


ServerEvent: TypeAlias = (
    PasswordLogin
    | ApopLogin
    | SaslLogin
    | SaslResponse
    | SaslCancelled
    | Retrieve
    | StartTls
    | Update
    | Close
)
