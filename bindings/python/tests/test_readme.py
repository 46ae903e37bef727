"""The examples of README.md happen as they are printed."""

import re
from pathlib import Path
from typing import Any

import pop3
import pytest
from servers import PATIENCE, RealServer, ThreadServer, Wire

README = Path(__file__).parents[1] / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_mail_is_fetched(
    server: RealServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    # The second example; test_documents.py runs the first, which removes nothing.
    # The example trusts the system's certificates; this server's own is in none of them.
    example = EXAMPLES[1].replace("timeout=60", f"timeout={PATIENCE}, ca_file={str(server.ca_file)!r}")
    example = example.replace("pops://alice@pop.example.org", server.pops).replace("wonderland", server.password)
    exec(compile(example, str(README), "exec"), {})
    assert capsys.readouterr().out == "removed: (1, 2, 3, 4)\n"
    stored = list((tmp_path / "mail").glob("*.eml"))
    assert len(stored) == 4
    assert all(path.stat().st_size for path in stored)


def test_a_server_serves() -> None:
    example: dict[str, Any] = {}
    exec(compile(EXAMPLES[2], str(README), "exec"), example)

    def serve(wire: Wire) -> None:
        example["serve"](wire.socket)

    with ThreadServer(serve) as server:
        url = server.url.replace("mrose", "alice")
        clear = pop3.Security.INSECURE_PLAIN
        with pytest.raises(pop3.AuthFailed):
            pop3.Client(url, password="wrong", security=clear, timeout=PATIENCE)
        with pop3.Client(url, password="wonderland", security=clear, timeout=PATIENCE) as client:
            assert client.retr(1) == b"Subject: hello\r\n\r\nworld\r\n"
