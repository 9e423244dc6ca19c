"""What takes a message: real Apprise against a webhook and a mail server on loopback, and a hook command."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from iamops.judge.alerts.message import AlertKind, message
from iamops.ledger.outbox import OutboxMessage
from iamops.model.facts import Severity
from iamops.session.watch.destinations import AppriseDestination, Hook, NotDelivered, apprise_destinations
from iamops.session.watch.urls import AlertUrl, AlertUrlsRefused
from tests.support.sinks import MailServer, Webhook

SAID = message(
    1_700_000_000.0,
    AlertKind.VIP_MOVE,
    Severity.CRITICAL,
    "lab",
    "VIP 10.0.4.99 moved iam-a -> iam-b",
    ("iam-b: has <b>it</b>", "*stars*"),
    node="iam-b",
)
PARCEL = OutboxMessage("000001-x", SAID, ())


def service(url: str) -> AppriseDestination:
    (found,) = apprise_destinations([AlertUrl("here", url)])
    assert isinstance(found, AppriseDestination)
    return found


async def test_a_webhook_gets_subject_body_and_kind():
    with Webhook() as sink:
        await service(sink.url).deliver(PARCEL)
        (arrived,) = sink.until(lambda arrived: len(arrived) == 1)
    assert arrived.title == "[CRITICAL] lab: VIP 10.0.4.99 moved iam-a -> iam-b"
    assert arrived.body.splitlines() == ["iam-b: has <b>it</b>", "*stars*", "iamops watch, message 000001-x"]
    assert arrived.raw["type"] == "failure"


async def test_a_node_s_words_call_nobody_in_a_chat_and_stay_as_they_are_elsewhere(monkeypatch):
    said = message(
        0.0, AlertKind.FINDING, Severity.CRITICAL, "lab", "iam-a says @everyone", ("<!channel> [x](y)",)
    )
    sent: list[tuple[str, str]] = []
    for url in ("mmost://127.0.0.1:1/abcdefghijklmnop", "json://127.0.0.1:1/"):
        one = service(url)
        monkeypatch.setattr(
            one._plugin, "notify", lambda body, title, *_, **__: sent.append((title, body)) or True
        )
        await one.deliver(OutboxMessage("1", said, ()))
    (chat_title, chat_body), (title, body) = sent
    assert (chat_title, chat_body.splitlines()[0]) == (
        "[CRITICAL] lab: iam-a says \uff20everyone",
        "\u2039!channel> [x] (y)",
    )
    assert (title, body.splitlines()[0]) == ("[CRITICAL] lab: iam-a says @everyone", "<!channel> [x](y)")


async def test_a_mail_is_plain_text_with_the_subject_as_it_is():
    with MailServer() as sink:
        await service(sink.url).deliver(PARCEL, "2 earlier message(s) never arrived here")
        (arrived,) = sink.until(lambda arrived: len(arrived) == 1)
    assert arrived.title == SAID.subject
    assert "has <b>it</b>" in arrived.body
    assert "2 earlier message(s)" in arrived.body


async def test_a_mail_as_html_shows_the_same_words():
    with MailServer() as sink:
        await service(sink.url.replace("format=text", "format=html")).deliver(PARCEL)
        (arrived,) = sink.until(lambda arrived: len(arrived) == 1)
    assert arrived.title == SAID.subject
    assert "&lt;b&gt;it&lt;/b&gt;" in arrived.html
    assert arrived.html.count("<br") >= 2


async def test_two_mails_in_a_row_do_not_wait_for_each_other():
    with MailServer() as sink:
        mail = service(sink.url)
        await mail.deliver(PARCEL)
        await mail.deliver(PARCEL)
        first, second = sink.until(lambda arrived: len(arrived) == 2)
    assert second.at - first.at < 2.0


async def test_a_refused_connection_and_an_error_status_are_not_delivered_and_show_no_secret():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotDelivered) as refused:
        await service(f"json://user:hunter2secret@127.0.0.1:{port}/hook-secret").deliver(PARCEL)
    assert "Connection error" in str(refused.value)
    assert "secret" not in str(refused.value)
    with Webhook(status=500) as sink, pytest.raises(NotDelivered, match="500"):
        await service(sink.url).deliver(PARCEL)


async def test_a_service_that_hangs_is_not_delivered_in_time_and_not_tried_without_end():
    with Webhook(delay_s=0.6) as sink:
        (slow,) = apprise_destinations([AlertUrl("here", sink.url)])
        assert isinstance(slow, AppriseDestination)
        slow._deadline_s = 0.02
        for _ in range(3):
            with pytest.raises(NotDelivered, match=r"no answer within 0\.02 s"):
                await slow.deliver(PARCEL)
        with pytest.raises(NotDelivered, match="3 earlier attempts still hang"):
            await slow.deliver(PARCEL)
        sink.until(lambda arrived: len(arrived) == 3)


def test_a_url_that_apprise_does_not_know_is_refused_without_being_shown():
    for url in ("nosuchservice://secret-token", "slack://secret"):
        with pytest.raises(AlertUrlsRefused, match=r"alerts:3: Apprise cannot use this \w+:// URL") as refused:
            apprise_destinations([AlertUrl("alerts:3", url)])
        assert "secret" not in str(refused.value)


def test_neither_key_nor_name_holds_a_secret():
    found = service("json://user:hunter2@127.0.0.1:1/path-secret")
    assert found.shown == "json://127.0.0.1:1"
    assert found.key.startswith("json-")
    assert "hunter2" not in found.key


def test_without_apprise_a_url_is_refused_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    needed = r"alerts:3: .* missing; install it: pip install .iamops\[alerts\]"
    with pytest.raises(AlertUrlsRefused, match=needed):
        apprise_destinations([AlertUrl("alerts:3", "json://127.0.0.1:1/")])
    assert apprise_destinations([]) == []


def test_the_same_url_twice_is_one_destination():
    assert (
        len(apprise_destinations([AlertUrl("a", "json://127.0.0.1:1/"), AlertUrl("b", "json://127.0.0.1:1/")]))
        == 1
    )


async def test_a_hook_gets_the_document_and_short_values_and_no_urls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("IAMOPS_ALERT_URLS", "json://secret/")
    script = tmp_path / "hook.py"
    script.write_text(
        "import json, os, sys\n"
        "told = {k: v for k, v in os.environ.items() if k.startswith('IAMOPS_ALERT')}\n"
        f"json.dump([json.load(sys.stdin), told], open({str(tmp_path / 'out')!r}, 'w'))\n"
    )
    await Hook(f"{sys.executable} {script}").deliver(PARCEL)
    document, told = json.loads((tmp_path / "out").read_text())
    assert document == PARCEL.document
    assert document["schema"] == "iamops.alert/1"
    assert told["IAMOPS_ALERT_TITLE"] == SAID.title
    assert told["IAMOPS_ALERT_NODE"] == "iam-b"
    assert "IAMOPS_ALERT_URLS" not in told


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("sh -c 'echo the pager is out of paper >&2; exit 3'", "exit code 3 the pager is out of paper"),
        ("/no/such/hook", "No such file"),
        ("sleep 30", r"longer than 0\.2 s"),
    ],
)
async def test_a_hook_that_fails_has_not_delivered(command: str, why: str):
    with pytest.raises(NotDelivered, match=why):
        await Hook(command, deadline_s=5.0 if "sleep" not in command else 0.2).deliver(PARCEL)


@pytest.mark.parametrize("command", ["", "  ", "echo 'open"])
def test_a_hook_that_is_no_command_is_refused(command: str):
    with pytest.raises(AlertUrlsRefused):
        Hook(command)


async def test_a_command_that_complains_without_end_is_ended_and_its_last_words_are_told():
    with pytest.raises(NotDelivered, match=r"longer than 0\.3 s"):
        await Hook("sh -c 'exec yes out of paper >&2'", deadline_s=0.3).deliver(PARCEL)
    loud = 'head -c 3000000 /dev/zero | tr "\\\\0" x >&2; echo >&2; echo the last word >&2; exit 3'
    with pytest.raises(NotDelivered, match="exit code 3 the last word"):
        await Hook(f"sh -c '{loud}'").deliver(PARCEL)


async def test_a_command_that_ends_without_reading_is_asked_for_its_exit_code():
    await Hook("true").deliver(PARCEL)


async def test_a_command_that_has_ended_is_not_waited_for_because_of_what_it_left_running(tmp_path):
    """It took the message: to kill it at the deadline and try again would repeat it for ever."""
    came, stays = tmp_path / "came", "sleep 6 &"
    await Hook(f"sh -c '{stays} cat > {came}'", deadline_s=5).deliver(PARCEL)
    assert json.loads(came.read_text())["title"] == SAID.title
    with pytest.raises(NotDelivered, match="exit code 3 its last word"):
        await Hook(f"sh -c '{stays} echo its last word >&2; exit 3'", deadline_s=5).deliver(PARCEL)
