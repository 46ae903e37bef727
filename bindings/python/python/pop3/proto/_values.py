"""Values that both machines, or a machine and its outside, share."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, NamedTuple, final


class Wait(Enum):
    """Why there is no event now."""

    NEED_DATA = "need data"
    """All input is used and all output is written: read more."""

    PAUSED = "paused"
    """Something else comes first: output has to be written, an answer is owed, or the session is over."""

    def __repr__(self) -> str:
        return self.name


NEED_DATA: Final = Wait.NEED_DATA
PAUSED: Final = Wait.PAUSED


class SessionState(Enum):
    """Where a session stands. RFC 1939 section 3."""

    GREETING = "greeting"
    AUTHORIZATION = "AUTHORIZATION"
    TRANSACTION = "TRANSACTION"
    UPDATE = "UPDATE"
    CLOSED = "closed"


class Pipelining(Enum):
    """Whether a command may be sent while another is unanswered. RFC 2449 section 6.6."""

    NEVER = "never"
    WHEN_ADVERTISED = "when advertised"
    ALWAYS = "always"


class Rejection(Enum):
    """Why a login failed; each maps to one response code. RFC 2449 section 8, RFC 3206."""

    BAD_CREDENTIALS = "AUTH"
    IN_USE = "IN-USE"
    LOGIN_DELAY = "LOGIN-DELAY"
    PERMANENT = "SYS/PERM"
    TEMPORARY = "SYS/TEMP"
    UNSUPPORTED_MECHANISM = "unsupported mechanism"


class UpdateOutcome(Enum):
    """What became of the marked messages."""

    REMOVED = "removed"
    SOME_NOT_REMOVED = "some not removed"


class CloseReason(Enum):
    """Why a session is over."""

    AUTOLOGOUT = "autologout"
    BODY_FAILED = "body failed"
    EOF = "eof"
    FAILED_LOGINS = "failed logins"
    QUIT = "quit"
    SHUTTING_DOWN = "shutting down"
    TOO_MANY_ERRORS = "too many errors"


@final
@dataclass(frozen=True, slots=True)
class StartTls:
    """Write out what is left, hand the connection to TLS, then call ``tls_established``. RFC 2595 section 4."""


class MessageInfo(NamedTuple):
    """One message of a maildrop.

    ``size`` is what ``message_octets`` says of it: octets as RETR sends them, without byte-stuffing.
    ``unique_id`` is 1 to 70 octets, each in 0x21 to 0x7E. RFC 1939 sections 7 and 11.
    """

    size: int
    unique_id: str


class OfferedMechanism(NamedTuple):
    """A mechanism of AUTH. One that shows the password to whoever listens is offered under TLS only."""

    name: str
    is_plaintext: bool


class Expire(NamedTuple):
    """How long the site keeps mail, in days; ``None`` is for ever. RFC 2449 section 6.7."""

    days: int | None
    is_per_user: bool = False


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a server offers and how patient it is. ``Server`` refuses one that no server should have."""

    greeting: str = "POP3 server ready"
    """The greeting's text, without a timestamp."""
    user_pass: bool = True
    """Whether USER and PASS are offered. RFC 1939 section 7."""
    mechanisms: Sequence[OfferedMechanism] = ()
    """The mechanisms of AUTH, in the order in which they are announced. RFC 5034."""
    allow_plaintext_without_tls: bool = False
    """Whether a plaintext password may pass without TLS. RFC 2595 section 2.3."""
    stls: bool = True
    """Whether STLS is offered. RFC 2595 section 4."""
    utf8: Literal["no", "yes", "user"] = "no"
    """Whether UTF-8 mode is offered, and whether names and passwords may be UTF-8 too. RFC 6856."""
    languages: Sequence[Literal["en", "de"]] = ("en",)
    """The languages of LANG, the default first; with one alone, LANG is not offered. RFC 6856 section 3."""
    expire: Expire | None = Expire(None)
    """What CAPA says about retention. RFC 2449 section 6.7."""
    login_delay: int | None = None
    """Seconds between logins, the largest of all users. RFC 2449 section 6.5."""
    is_login_delay_per_user: bool = False
    """Whether the delay differs by user."""
    implementation: str | None = None
    """The product token that CAPA shows after login. RFC 2449 section 6.9."""
    max_line: int = 255
    """The most octets of a command line, CRLF included; at least 255. RFC 2449 section 4."""
    max_auth_line: int = 24 * 1024
    """The most octets of an AUTH line."""
    max_sasl_line: int = 64 * 1024
    """The most octets of a line in a SASL exchange. RFC 5034 section 4."""
    max_sasl_rounds: int = 10
    """The most challenges in one exchange."""
    accept_lf: bool = True
    """Whether a line may end in LF alone."""
    autologout: float = 600.0
    """Seconds that a session may be idle after login; at least 600. RFC 1939 section 3."""
    authorization_idle: float = 60.0
    """Seconds that a session may be idle before login."""
    authorization_total: float = 180.0
    """Seconds that a login may take altogether."""
    max_errors_before_login: int = 10
    """Wrong commands in a row that end a session before login."""
    max_errors_after_login: int = 25
    """Wrong commands in a row that end a session after login."""
    max_failed_logins: int = 3
    """Failed logins that end a session."""
    max_long_lines: int = 3
    """Over-long lines that end a session."""
