"""Fixtures: the real server, once for tests that only read, and anew for the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import RealServer


@pytest.fixture(scope="session")
def reading_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    """A server with its sample messages, which no test changes."""
    server = RealServer(tmp_path_factory.mktemp("reading") / "home")
    yield server
    server.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealServer]:
    """A server with its sample messages, for one test."""
    server = RealServer(tmp_path / "home")
    yield server
    server.stop()
