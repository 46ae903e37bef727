"""POP3, whole: a client, and the protocol itself as two machines without I/O in ``pop3.proto``."""

from ._errors import (
    AuthFailed,
    ConnectionClosed,
    ConnectionFailed,
    Error,
    InUse,
    LoginDelay,
    PermanentError,
    ProtocolError,
    Refused,
    TemporaryError,
    TimeoutError,
    TlsError,
    UsageError,
)
from ._pop3 import __version__

__all__ = [
    "AuthFailed",
    "ConnectionClosed",
    "ConnectionFailed",
    "Error",
    "InUse",
    "LoginDelay",
    "PermanentError",
    "ProtocolError",
    "Refused",
    "TemporaryError",
    "TimeoutError",
    "TlsError",
    "UsageError",
    "__version__",
]
