"""`iamops balance` with nodes that follow a script: the document, the text and the exit codes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import pytest

from iamops.cli.balance import run as balance_session
from iamops.cli.balance.run import show_balance
from iamops.cli.main import main
from iamops.model.facts import ProbeOutcome, ProbeReport
from iamops.model.profile import Profile
from iamops.nodes.logs import split
from iamops.nodes.logs.split import _COUNT, _GAIN
from iamops.nodes.transport import CommandTimeout, ConnectFailed, TransportError, Unreachable
from tests.support.profiles import pair
from tests.support.transport import Run, ScriptedTransport, Tcp

API, AUTHZ = "iam.api.marmotedu.com", "iam.authz.marmotedu.com"
TOKEN = "iamops-0123456789ab"
ACCESS = "/var/log/nginx/access.log"
FAILED = ProbeReport(ProbeOutcome.REFUSED, detail="port 80 refused")
GONE = Unreachable("iam-b", "no route", "is it on?")
IAMOPS: Any = {"logs": {"format": "iamops"}}
STAT = ("stat", "--dereference", "--format=%i %s", ACCESS)
GAIN = ("sh", "-c", _GAIN, "gain", ACCESS, "7", "100", TOKEN, "20000")
HEAD = (
    f'10.0.4.30 - - [24/Nov/2026:18:29:57 +0000] "GET /healthz?{TOKEN} HTTP/1.1" 200 15 "-" "iamops-probe/1" "-"'
)


def line(upstream: str) -> bytes:
    tail = f"host=h upstream={upstream} upstream_status=200 request_time=0 upstream_time=0 request_id=1"
    return f"+{HEAD} {tail}\n".encode()


def others(upstream: str) -> bytes:
    return line(upstream).replace(TOKEN.encode(), b"x").replace(b"+", b"-", 1)


def count(service: str, said: str | Exception) -> Run:
    argv = ("awk", "-v", f"token={TOKEN}", _COUNT, f"/var/log/iam/{service}.log")
    if isinstance(said, TransportError):
        return Run(argv, error=said, always=True)
    if not said:
        return Run(argv, exit_status=2, stderr=b"Permission denied", always=True)
    return Run(argv, stdout=f"{said}\n".encode(), always=True)


def node(name: str, api: str | Exception, authz: str = "5 0", access: bytes | None = b"") -> ScriptedTransport:
    gain = (
        Run(GAIN, exit_status=1, stderr=b"denied", always=True)
        if access is None
        else Run(GAIN, access, always=True)
    )
    steps = (
        count("iam-apiserver", api),
        count("iam-authz-server", authz),
        Run(STAT, b"7 100\n", always=True),
        gain,
    )
    return ScriptedTransport(name, *steps)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> list[ProbeReport]:
    """What the client sees, request by request; an answer where nothing is left."""
    reports: list[ProbeReport] = []

    def answer(*_: object) -> ProbeReport:
        return reports.pop(0) if reports else ProbeReport(ProbeOutcome.OK, 1.0, 200)

    monkeypatch.setattr(split, "probe_once", answer)
    monkeypatch.setattr(balance_session, "new_token", lambda: TOKEN)
    monkeypatch.setattr(balance_session, "BETWEEN_READS_S", 0)
    return reports


@pytest.fixture
def balance(client, monkeypatch, capsys):
    """(exit code, document, text) of a run against the given nodes."""

    def run(*made: ScriptedTransport | TransportError, sent: int = 10, **changes: Any) -> tuple[int, Any, str]:
        @contextlib.asynccontextmanager
        async def attempts(profile: Profile):
            yield dict(zip(profile.nodes, made, strict=True))

        monkeypatch.setattr(balance_session, "connection_attempts", attempts)
        failed = list(client)
        code = show_balance(pair(**changes), sent, as_json=True)
        document = json.loads(capsys.readouterr().out)
        client[:] = failed
        assert show_balance(pair(**changes), sent, as_json=False) == code
        for each in made:
            if isinstance(each, ScriptedTransport):
                each.verify()
        return code, document, capsys.readouterr().out

    return run


def services(**api: Any) -> Mapping[str, Any]:
    return {"services": {"iam-apiserver": {"port": 8080, "domain": API, **api}}}


def test_five_and_five_is_even_and_exit_0(balance):
    code, document, text = balance(node("iam-a", "5 0"), node("iam-b", "5 0"))
    assert (code, document["schema"], document["sent"], document["even"]) == (0, "iamops.balance/1", 10, True)
    said = document["domains"][API]
    assert (said["service"], said["sent"], said["failed"], said["others"]) == ("iam-apiserver", 10, 0, 0)
    assert (said["backends"], said["unread"]) == ({"iam-a": 5, "iam-b": 5}, {})
    assert (said["even"], said["verdict"]) == (True, "even: 5/5")
    assert said["by_nginx"] is None
    assert "$upstream_addr" in said["by_nginx_unknown"]
    assert text.splitlines()[:2] == [f"{API} (iam-apiserver)", "  sent             10, failed 0"]
    assert "  services' logs   iam-a 5, iam-b 5" in text
    assert "  nginx's log      not known: the log format has no backend" in text
    assert "  verdict          even: 5/5" in text


def test_a_backend_without_requests_is_exit_1(balance):
    code, document, text = balance(node("iam-a", "10 0"), node("iam-b", "0 0"))
    assert (code, document["even"]) == (1, False)
    assert document["domains"][AUTHZ]["even"] is True
    assert "uneven beyond round robin: iam-a 10, iam-b 0" in text


def test_a_request_that_failed_is_exit_1_though_the_rest_was_even(balance, client):
    client.append(FAILED)
    code, document, text = balance(node("iam-a", "4 0"), node("iam-b", "5 0"), sent=9, **services())
    assert (code, document["even"], document["domains"][API]["failed"]) == (1, True, 1)
    assert "sent             9, failed 1 (1 x port 80 refused)" in text


def test_nobody_answering_is_exit_1_and_not_even(balance, client):
    client.extend([FAILED] * 10)
    code, document, _ = balance(node("iam-a", "0 0"), node("iam-b", "0 0"), **services(), **IAMOPS)
    assert (code, document["even"]) == (1, None)
    assert document["domains"][API]["by_nginx"] is None
    assert document["domains"][API]["by_nginx_unknown"] == "no request was answered"


@pytest.mark.parametrize("said", ["", CommandTimeout("iam-b", "no answer within 5 s", "wait")])
def test_a_log_that_cannot_be_read_is_exit_4_and_null_with_the_reason(balance, said):
    code, document, text = balance(node("iam-a", "5 0"), node("iam-b", said))
    api = document["domains"][API]
    assert (code, document["even"], api["even"]) == (4, None, None)
    assert api["backends"] == {"iam-a": 5, "iam-b": None}
    (reason,) = api["unread"].values()
    assert reason in ("Permission denied", "no answer within 5 s")
    assert f"  not read         iam-b: {reason}" in text
    assert "iam-b ?" in text


def test_a_node_that_cannot_be_reached_is_exit_4(balance):
    code, document, _ = balance(node("iam-a", "5 0"), GONE)
    assert (code, document["even"], document["unreachable"]) == (4, None, {"iam-b": "no route"})
    assert document["domains"][API]["unread"] == {"iam-b": "not connected"}


def test_a_reached_split_that_is_certainly_wrong_goes_before_what_is_unknown(balance):
    code, document, _ = balance(node("iam-a", "10 0"), node("iam-b", "0 0", authz=""))
    assert (code, document["even"], document["domains"][AUTHZ]["even"]) == (1, False, None)


def test_without_any_node_nothing_is_sent(balance, client):
    client.append(FAILED)
    with pytest.raises(Unreachable):
        balance(Unreachable("iam-a", "no route", "is it on?"), GONE)
    assert client == [FAILED]


def test_answers_that_are_in_no_log_are_looked_for_again_and_then_unknown(balance):
    alone = node("iam-a", "0 0")
    code, document, text = balance(alone, node("iam-b", "0 0"), **services())
    assert (code, document["even"]) == (4, None)
    assert "cannot be told: the logs have 0 of the 10 requests that were answered" in text
    assert len(alone.calls) == 2 * balance_session.READS


def test_nginx_agrees_and_its_own_backend_over_loopback_is_the_nodes(balance):
    access = line("127.0.0.1:8080") * 5 + line("10.0.4.21:8080") * 5
    code, document, text = balance(
        node("iam-a", "5 0", access=access), node("iam-b", "5 0"), **services(), **IAMOPS
    )
    api = document["domains"][API]
    assert (code, api["by_nginx_differs"], api["by_nginx_unknown"]) == (0, "", "")
    assert api["by_nginx"] == {"10.0.4.20:8080": 5, "10.0.4.21:8080": 5}
    assert "nginx's log      iam-a (10.0.4.20:8080) 5, iam-b (10.0.4.21:8080) 5" in text


def test_a_disagreement_of_the_two_logs_is_said(balance):
    access = line("127.0.0.1:8080") * 9 + line("10.0.4.21:8080, 10.0.4.77:1")
    code, document, text = balance(
        node("iam-a", "5 0", access=access), node("iam-b", "5 0"), **services(), **IAMOPS
    )
    assert code == 0
    assert document["domains"][API]["by_nginx_in_vain"] == {"10.0.4.21:8080": 1}
    assert "iam-a has 5 in its own log and 9 in nginx's; iam-b has 5 in its own log and 0 in nginx's" in text
    assert "10.0.4.77:1 is no backend of the profile, and was asked 1 x" in text
    assert "(before, in vain: iam-b (10.0.4.21:8080) 1 x)" in text


@pytest.mark.parametrize(
    ("access", "reason"),
    [
        (None, "the access logs have 0 of the 10 requests that were answered; iam-a: denied"),
        (line("10.0.4.21:8080"), "the access logs have 1 of the 10 requests that were answered"),
        (f"+{HEAD}\n".encode() * 10, "10 lines name no backend"),
    ],
)
def test_an_access_log_that_does_not_tell_all_tells_nothing(balance, access, reason):
    nodes = node("iam-a", "5 0", access=access), node("iam-b", "5 0")
    code, document, _ = balance(*nodes, **services(), **IAMOPS)
    assert (code, document["domains"][API]["by_nginx"]) == (0, None)
    assert document["domains"][API]["by_nginx_unknown"].startswith(reason)


def test_a_standby_whose_access_log_cannot_be_read_does_not_matter_when_the_owner_has_all(balance):
    access = line("127.0.0.1:8080") * 5 + line("10.0.4.21:8080") * 5
    nodes = node("iam-a", "5 0", access=access), node("iam-b", "5 0", access=None)
    assert balance(*nodes, **services(), **IAMOPS)[1]["domains"][API]["by_nginx"] is not None


def test_a_drained_backend_is_not_compared_and_that_is_said(balance):
    code, document, text = balance(node("iam-a", "10 0"), node("iam-b", "0 0"), **services(drained=["iam-b"]))
    api = document["domains"][API]
    assert (code, api["backends"], api["drained"]) == (0, {"iam-a": 10}, {"iam-b": 0})
    assert "  drained          iam-b: takes no requests\n" in text
    assert "even: iam-a is the only one that takes requests" in text


def test_a_drained_backend_that_got_requests_all_the_same_is_exit_1(balance):
    code, _, text = balance(node("iam-a", "7 0"), node("iam-b", "3 0"), **services(drained=["iam-b"]))
    assert code == 1
    assert "uneven: iam-b is drained and got 3 of 10 requests" in text


def test_a_backend_beside_the_nodes_is_counted_by_nginx_or_not_at_all(balance):
    beside = services(backends=["10.0.4.22:8080"])
    access = line("127.0.0.1:8080") * 3 + line("10.0.4.21:8080") * 3 + line("10.0.4.22:8080") * 3
    nodes = node("iam-a", "3 0", access=access), node("iam-b", "3 0")
    code, document, _ = balance(*nodes, sent=9, **beside)
    assert (code, document["even"], document["domains"][API]["backends"]["10.0.4.22:8080"]) == (4, None, None)
    code, document, text = balance(*nodes, sent=9, **beside, **IAMOPS)
    assert (code, document["domains"][API]["backends"]["10.0.4.22:8080"]) == (0, 3)
    assert "even: 3/3/3" in text


@pytest.mark.parametrize("wrong", ["0", "1001", "-1", "x", "1.5"])
def test_a_count_out_of_bounds_is_a_usage_error(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["balance", wrong])
    assert ended.value.code == 2
    assert f"expected 1 to 1000 requests, found {wrong}" in capsys.readouterr().err


def test_a_profile_that_publishes_nothing_is_a_usage_error(monkeypatch, capsys):
    profile = pair(services={"iam-pump": {"port": 7070}})
    monkeypatch.setattr("iamops.session.profiles.load_profile", lambda _: profile)
    assert main(["balance"]) == 2
    assert "nothing to send" in capsys.readouterr().err


def test_a_dead_backend_is_uneven_however_many_requests_of_others_the_rest_had(balance):
    """150 requests a second of others are 150 turns: they too went to one backend, or none is counted."""
    access = (line("127.0.0.1:8080") + others("127.0.0.1:8080") * 15) * 10
    good = (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",)

    def both(closed: bool) -> tuple[ScriptedTransport, ScriptedTransport]:
        made = node("iam-a", "10 600", access=access), node("iam-b", "0 0", access=b"")
        for each, host in zip(made, ("10.0.4.21", "127.0.0.1"), strict=True):
            refused = ConnectFailed(each.node, "port 8080 refused", "start it", refused=True)
            each._script.append(Tcp(host, 8080, b"", good, refused if closed else None, always=True))
        return made

    code, document, text = balance(*both(closed=False), **(IAMOPS | services()))
    assert (code, document["even"], document["domains"][API]["others"]) == (1, False, 150)
    assert "iam-a 10, iam-b 0; with the requests of others iam-a 160, iam-b 0" in text
    code, document, _ = balance(*both(closed=False), **services())
    assert (code, document["even"]) == (4, None)
    code, _, text = balance(*both(closed=True), **services())
    assert code == 1
    assert "uneven: iam-b had none of 10 and does not answer" in text
