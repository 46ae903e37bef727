"""POP3, whole: a client, and the protocol itself as two machines without I/O in ``pop3.proto``."""

from ._errors import (
    AuthFailed,
    ConnectionClosed,
    ConnectionFailed,
    Error,
    InUse,
    LoginDelay,
    MessageTooLarge,
    PermanentError,
    ProtocolError,
    Refused,
    TemporaryError,
    TimeoutError,
    TlsError,
    UsageError,
)
from ._pop3 import Client, __version__
from ._values import BinaryFile, DropListing, ScanListing, Security, UniqueIdListing

__all__ = [
    "AuthFailed",
    "BinaryFile",
    "Client",
    "ConnectionClosed",
    "ConnectionFailed",
    "DropListing",
    "Error",
    "InUse",
    "LoginDelay",
    "MessageTooLarge",
    "PermanentError",
    "ProtocolError",
    "Refused",
    "ScanListing",
    "Security",
    "TemporaryError",
    "TimeoutError",
    "TlsError",
    "UniqueIdListing",
    "UsageError",
    "__version__",
]
