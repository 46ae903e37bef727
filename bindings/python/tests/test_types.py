"""The types that users see: the package and these tests under mypy, and the stubs beside the module."""

import doctest
import subprocess
import sys
from pathlib import Path
from typing import assert_type

import pop3
from pop3 import proto

TESTS = Path(__file__).parent


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a tool where it may leave its cache."""
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_tests_have_the_types_that_the_package_says(tmp_path: Path) -> None:
    done = run(tmp_path, "mypy", "--strict", str(TESTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_stubs_fit_the_module(tmp_path: Path) -> None:
    done = run(tmp_path, "mypy.stubtest", "pop3")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_use_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import pop3\npop3.Client('pops://a@b').retr('1')\n")
    done = run(tmp_path, "mypy", str(wrong))
    assert 'incompatible type "str"; expected "int"' in done.stdout


def test_the_package_says_that_it_is_typed() -> None:
    assert pop3.__file__ is not None
    assert (Path(pop3.__file__).parent / "py.typed").exists()


def test_every_public_thing_is_documented() -> None:
    for module in (pop3, proto):
        assert module.__doc__
        for name in module.__all__:
            value = getattr(module, name)
            if not isinstance(value, (str, proto.Wait)) and name not in ("ClientEvent", "ServerEvent"):
                assert value.__doc__, name
    for machine in (pop3.Client, proto.Client, proto.Server):
        for name, member in vars(machine).items():
            if not name.startswith("_"):
                assert member.__doc__, name


def test_the_session_in_the_documentation_happens() -> None:
    assert doctest.testmod(proto).failed == 0


def what_the_client_gives(client: pop3.Client) -> None:
    """Never called: mypy reads it."""
    assert_type(client.list(), list[pop3.ScanListing])
    assert_type(client.list(1), pop3.ScanListing)
    assert_type(client.uidl(), list[pop3.UniqueIdListing])
    assert_type(client.uidl(1), pop3.UniqueIdListing)
    assert_type(client.stat().count, int)
    assert_type(client.capabilities(), dict[str, tuple[str, ...]])
    assert_type(client.quit(), tuple[int, ...])
    with client as entered:
        assert_type(entered, pop3.Client)


def what_the_machines_give(client: proto.Client, server: proto.Server) -> None:
    """Never called: mypy reads it."""
    event = client.next_event()
    if event is proto.NEED_DATA or event is proto.PAUSED:
        return
    assert_type(client.send(proto.Retr(1)), int)
    match event:
        case proto.MessageChunk(id, chunk):
            assert_type(id, int)
            assert_type(chunk, bytes)
        case proto.Greeting(timestamp=timestamp):
            assert_type(timestamp, str | None)
    question = server.next_event()
    if not isinstance(question, proto.Wait) and isinstance(question, proto.Update):
        assert_type(question.deletions, tuple[int, ...])
