"""Commands, as ``Client.send`` takes them: one class for each keyword.

Names, passwords and numbers are checked when the command is sent, not when it is made.
"""

from dataclasses import dataclass, field
from typing import ClassVar, final


class Command:
    """What a client sends."""

    __slots__ = ()
    keyword: ClassVar[str]


@final
@dataclass(frozen=True, slots=True)
class Apop(Command):
    """``APOP name digest``: log in with MD5 over the greeting's timestamp and the shared secret.

    ``digest`` is the 16 octets of the MD5 sum. RFC 1939 section 7.
    """

    keyword: ClassVar[str] = "APOP"
    name: str
    digest: bytes = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class Auth(Command):
    """``AUTH mechanism [initial-response]``: a SASL exchange; without a mechanism, a list of them.

    ``initial_response`` is decoded: base64 is the machine's business. RFC 5034 section 4.
    """

    keyword: ClassVar[str] = "AUTH"
    mechanism: str | None = None
    initial_response: bytes | None = field(default=None, repr=False)


@final
@dataclass(frozen=True, slots=True)
class Capa(Command):
    """``CAPA``: what the server can do. RFC 2449 section 5."""

    keyword: ClassVar[str] = "CAPA"


@final
@dataclass(frozen=True, slots=True)
class Dele(Command):
    """``DELE n``: mark a message as deleted; QUIT removes it. RFC 1939 section 5."""

    keyword: ClassVar[str] = "DELE"
    number: int


@final
@dataclass(frozen=True, slots=True)
class Lang(Command):
    """``LANG [tag]``: choose a language, or list them. RFC 6856 section 3."""

    keyword: ClassVar[str] = "LANG"
    tag: str | None = None


@final
@dataclass(frozen=True, slots=True)
class List(Command):
    """``LIST [n]``: the size of one message, or of all. RFC 1939 section 5."""

    keyword: ClassVar[str] = "LIST"
    number: int | None = None


@final
@dataclass(frozen=True, slots=True)
class Noop(Command):
    """``NOOP``: nothing but an answer. RFC 1939 section 5."""

    keyword: ClassVar[str] = "NOOP"


@final
@dataclass(frozen=True, slots=True)
class Pass(Command):
    """``PASS password``: spaces belong to it. RFC 1939 section 7."""

    keyword: ClassVar[str] = "PASS"
    password: str = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class Quit(Command):
    """``QUIT``: after login, remove what is marked; then the end. RFC 1939 sections 4 and 6."""

    keyword: ClassVar[str] = "QUIT"


@final
@dataclass(frozen=True, slots=True)
class Retr(Command):
    """``RETR n``: a whole message. RFC 1939 section 5."""

    keyword: ClassVar[str] = "RETR"
    number: int


@final
@dataclass(frozen=True, slots=True)
class Rset(Command):
    """``RSET``: take all marks away. RFC 1939 section 5."""

    keyword: ClassVar[str] = "RSET"


@final
@dataclass(frozen=True, slots=True)
class Stat(Command):
    """``STAT``: how many messages and octets. RFC 1939 section 5."""

    keyword: ClassVar[str] = "STAT"


@final
@dataclass(frozen=True, slots=True)
class Stls(Command):
    """``STLS``: go on under TLS. RFC 2595 section 4."""

    keyword: ClassVar[str] = "STLS"


@final
@dataclass(frozen=True, slots=True)
class Top(Command):
    """``TOP n lines``: the header and so many lines of the body. RFC 1939 section 7."""

    keyword: ClassVar[str] = "TOP"
    number: int
    lines: int


@final
@dataclass(frozen=True, slots=True)
class Uidl(Command):
    """``UIDL [n]``: the unique-id of one message, or of all. RFC 1939 section 7."""

    keyword: ClassVar[str] = "UIDL"
    number: int | None = None


@final
@dataclass(frozen=True, slots=True)
class User(Command):
    """``USER name``: whose maildrop; PASS follows. RFC 1939 section 7."""

    keyword: ClassVar[str] = "USER"
    name: str


@final
@dataclass(frozen=True, slots=True)
class Utf8(Command):
    """``UTF8``: UTF-8 mode. RFC 6856 section 2."""

    keyword: ClassVar[str] = "UTF8"
