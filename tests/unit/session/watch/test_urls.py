"""URLs of destinations: taken from where nobody else can read them, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamops.session.watch.urls import AlertUrl, AlertUrlsRefused, destinations

TEXT = """\
# who is woken
mailtos://alice:hunter2secret@mail.example.com/?to=oncall@example.com
slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ

heartbeat=https://hc.example.com/ping/4f2c9d1e-secret
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "alerts"
    path.write_text(TEXT)
    path.chmod(0o600)
    return path


def test_one_on_a_line_comments_and_a_heartbeat(file: Path):
    found = destinations(file)
    assert [url.scheme for url in found.urls] == ["mailtos", "slack"]
    assert [url.place for url in found.urls] == [f"{file}:2", f"{file}:3"]
    assert found.heartbeat is not None
    assert found.heartbeat.text == "https://hc.example.com/ping/4f2c9d1e-secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_can_read_is_refused_with_the_fix(file: Path, mode: int):
    file.chmod(mode)
    with pytest.raises(AlertUrlsRefused, match=f"fix: chmod 600 {file}"):
        destinations(file)


def test_a_missing_file_a_directory_and_a_fifo_are_refused(file: Path, tmp_path: Path):
    import os

    os.mkfifo(tmp_path / "fifo", 0o600)
    for path, why in ((tmp_path / "no", "No such file"), (tmp_path, "regular"), (tmp_path / "fifo", "regular")):
        with pytest.raises(AlertUrlsRefused, match=why):
            destinations(path)


def test_the_environment_takes_several(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IAMOPS_ALERT_URLS", " json://127.0.0.1:1/  heartbeat=http://127.0.0.1/x\nxml://h/ ")
    found = destinations(None)
    assert [url.text for url in found.urls] == ["json://127.0.0.1:1/", "xml://h/"]
    assert found.heartbeat is not None


@pytest.mark.parametrize("line", ["nonsense-secret", "heartbeat=ftp://secret.example.com", "?secret://x"])
def test_what_is_no_url_is_refused_without_being_shown(file: Path, line: str):
    file.write_text(f"\n{line}\n")
    with pytest.raises(AlertUrlsRefused, match=":2: expected") as refused:
        destinations(file)
    assert "secret" not in str(refused.value)


def test_no_repr_shows_a_url(file: Path):
    shown = repr(destinations(file))
    for secret in ("hunter2", "TIiajk", "4f2c9d1e"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mailtos://alice:hunter2@mail.example.com:465/?to=x", "mailtos://mail.example.com:465"),
        ("json://127.0.0.1:8025/hook/secret?+X-Key=secret", "json://127.0.0.1:8025"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack://***"),
        ("json://[::1:80/", "json://***"),
    ],
)
def test_only_a_host_of_ones_own_is_shown(url: str, shown: str):
    assert AlertUrl("here", url).shown == shown


def test_an_error_that_quotes_the_url_is_masked():
    url = AlertUrl("here", "mailtos://al%20ice:p%40ssword@mail.example.com/?to=oncall&token=abcdef")
    text = f"cannot log in as al ice with p@ssword (p%40ssword) at mail.example.com: {url.text} abcdef"
    masked = url.masked(text)
    for secret in ("al ice", "p@ssword", "p%40ssword", "abcdef"):
        assert secret not in masked
    assert "mail.example.com" in masked


ODD = (
    "json://user:s3cr/et@127.0.0.1:9/",
    "json://user:12/34et@127.0.0.1:9/",
    "mailtos://ops:pa#ss@mail.example.com",
    "https://ops:pa?ss@127.0.0.1:9/x",
    "https://ops:p@/ss@127.0.0.1/x",
    "json://:s3cr@et@127.0.0.1/",
)


@pytest.mark.parametrize("text", ODD)
def test_a_password_with_a_sign_that_ends_a_host_is_not_shown_in_part(text: str):
    url = AlertUrl("here", text)
    password = text.partition("://")[2].rpartition("@")[0].partition(":")[2]
    said = f"{url.shown} {url.masked(f'nonnumeric port: {password!r}, no host {password}, {text}')}"
    for part in (password, *password.replace("/", " ").replace("#", " ").replace("?", " ").split()):
        assert part not in said.replace("port", ""), part


@pytest.mark.parametrize(
    "text", ["https://ops:s3cr/et@127.0.0.1:9/x", "http://ops:1/x@h/", "https://a b/", "https:///x"]
)
def test_a_heartbeat_whose_host_is_in_doubt_is_refused_without_being_shown(file: Path, text: str):
    file.write_text(f"heartbeat={text}\n")
    with pytest.raises(AlertUrlsRefused, match="%2F") as refused:
        destinations(file)
    assert "s3cr" not in str(refused.value)


def test_a_short_password_is_masked_as_a_word():
    masked = AlertUrl("here", "http://ops:abc@127.0.0.1:9/ping/xyz").masked("user ops with abc; abcd at 127.0.0.1")
    assert masked == "user ops with ***; abcd at 127.0.0.1"
