"""The exceptions of this package: one tree, by blame.

Every message is one sentence that says what happened and to what. None of them holds a password.
"""

import builtins


class Error(Exception):
    """Anything that this package raises on its own account."""


class UsageError(Error):
    """This side asked for something that cannot be sent now, or that no command can carry.

    Nothing was sent, and the session is as it was.
    """


class ProtocolError(Error):
    """The peer broke the protocol. The session is over: close the connection."""


class ConnectionFailed(Error, builtins.ConnectionError):
    """The connection could not be made, or broke. What was marked as deleted is not removed."""


class ConnectionClosed(ConnectionFailed):
    """The peer closed the connection in the middle of the session. RFC 1939 section 6: nothing is removed then."""


class MessageTooLarge(Error):
    """The message has more octets than ``max_octets``. The session goes on; the next command discards the rest."""


class TlsError(Error):
    """There is no TLS where TLS is wanted, or the server could not prove who it is.

    The password was not sent. RFC 2595 section 2.4, RFC 8314 section 5.2.
    """


class TimeoutError(Error, builtins.TimeoutError):
    """The server took longer than the timeout. What was marked as deleted is not removed."""


class Refused(Error):
    """The server answered ``-ERR``. RFC 1939 section 3.

    A subclass says why, where the server sent a response code of RFC 2449 section 8 or RFC 3206.

    ``code`` is the response code without its brackets, as ``"IN-USE"``, or ``None``. ``text`` is what the
    server wrote for humans; it comes from the network and is not to be trusted.
    """

    def __init__(self, message: str, code: str | None = None, text: str = "") -> None:
        super().__init__(message, code, text)
        self.message = message
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return self.message


class AuthFailed(Refused):
    """Name, password or token are wrong: ``[AUTH]`` of RFC 3206 section 5, or a refused login without a code."""


class InUse(Refused):
    """The credentials are right, another session has the maildrop: ``[IN-USE]``, RFC 2449 section 8.1.2."""


class LoginDelay(Refused):
    """Too soon after the last login: ``[LOGIN-DELAY]``, RFC 2449 section 8.1.1."""


class TemporaryError(Refused):
    """Likely to clear by itself, try again later: ``[SYS/TEMP]``, RFC 3206 section 4."""


class PermanentError(Refused):
    """Somebody has to mend something on the server: ``[SYS/PERM]``, RFC 3206 section 4."""


def _classes(root: type[Error]) -> list[type[Error]]:
    return [root, *(each for child in root.__subclasses__() for each in _classes(child))]


# In a traceback they stand under the name by which they are caught.
for _class in _classes(Error):
    _class.__module__ = "pop3"
