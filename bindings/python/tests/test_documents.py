"""The Python of README and guides runs as it is printed, against the real server."""

import re
from pathlib import Path
from typing import Any

import pop3
import pytest
from servers import PATIENCE, RealServer

ROOT = Path(__file__).parents[3]
DOCUMENTS = ("README.md", "docs/guide-developers.md", "bindings/python/README.md")
URL = "pops://alice@pop.example.org"


def blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text()
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_it_runs(
    document: str, server: RealServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = pop3.Client

    def client(url: str, /, **options: Any) -> pop3.Client:
        """The server of the document is the one of the test."""
        assert url == URL
        assert options.pop("password") == "wonderland"
        options["timeout"] = PATIENCE
        return real(server.pops, password=server.password, ca_file=server.ca_file, **options)

    monkeypatch.setattr(pop3, "Client", client)
    monkeypatch.chdir(tmp_path)
    snippets = blocks(document)
    assert snippets
    removed = []
    for snippet in snippets:
        with real(server.pops, password=server.password, ca_file=server.ca_file) as before:
            count = before.stat().count
        exec(compile(snippet, document, "exec"), {"__name__": "snippet"})
        with real(server.pops, password=server.password, ca_file=server.ca_file) as after:
            removed.append(count - after.stat().count)
    # The first example removes nothing; what a later one removes is stored.
    assert removed[0] == 0
    stored = list((tmp_path / "mail").glob("*.eml")) if (tmp_path / "mail").exists() else []
    assert len(stored) == sum(removed)
    assert all(file.stat().st_size for file in stored)
