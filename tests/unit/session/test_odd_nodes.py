"""Acting on a node whose shell or login is odd: done, or refused for the true reason, and nothing is invented."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from iamops.cli import acting as guarded_session
from iamops.cli.acting import ActingSession
from iamops.judge.run import Outcome, RunReport
from iamops.model.profile import Profile
from iamops.plan.action import ServiceAction, Switchover, UnitVerb
from iamops.session.profiles import load_profile
from tests.standin.pair import Pair, standin_pair

B = "iam-b"
RESTART = ServiceAction(UnitVerb.RESTART, "reports", B)
# What was once read out of the words of a shell, or made of a node that had not been seen yet.
INVENTED = ("Welcome", "mesg", "dead-man-armed", "earlier run", "state-changed", "has changed since")


@dataclass(frozen=True)
class Odd:
    """What the login shell does before each command, how long a login takes, how many sessions sshd opens; and the
    words with which an action is refused. None: it is done.
    """

    prelude: str = ""
    login_s: float = 0.0
    sessions: bool = True
    refused: str = ""


# `ulimit`: the login user can write no byte into any file, as with a full disk quota; what runs as root can.
NOISY = "echo Welcome to iam-b; echo mesg: ttyname failed >&2; printf half; sleep 0.2; ulimit -S -f 0; "
NOLOGIN = "echo This account is not available.; exit 1; "
NODES = {
    "a noisy and slow .bashrc, and a full disk quota": Odd(NOISY),
    "a slow login": Odd(login_s=1.0),
    "nologin": Odd(NOLOGIN, refused="printed 'This account is not available.'"),
    "no session": Odd(sessions=False, refused="sshd opens no further session"),
}


async def acted(path: Path, odd: Odd) -> tuple[RunReport, str]:
    """`iamops restart reports iam-b --yes`; and all that it said, and the plan of a switchover then."""
    path.mkdir(mode=0o700)
    options = {"profile": "odd", "arm": None, "override": [], "reason": "", "json": False, "dry_run": False}
    async with standin_pair(path) as pair:
        node = pair.nodes[B]
        node.prelude, node.login_s, node.sessions = odd.prelude, odd.login_s, odd.sessions
        acting = ActingSession(with_reports(pair), RESTART, argparse.Namespace(**options, yes=True))
        try:
            await acting._observed()
            plan, denied = acting.operator.consider(acting.order(Switchover(B)))
        finally:
            await acting.cluster.stop()
    report = acting.shown
    assert report is not None
    said = [report.sentence, *report.notes, plan.prediction, *plan.notes, *(each.sentence for each in denied)]
    return report, "\n".join(said)


def with_reports(pair: Pair) -> Profile:
    """A service that nginx does not publish: nothing but its node is asked about it."""
    text = pair.profile.read_text(encoding="utf-8")
    pair.profile.write_text(
        text.replace("services:\n", "services:\n  reports: {port: 7000, needs: []}\n"), "utf-8"
    )
    return load_profile(str(pair.profile))


async def test_an_odd_node_is_acted_on_or_refused_for_the_true_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(guarded_session, "find_profile", lambda name: None)
    # Shorter than the slow login takes.
    monkeypatch.setattr(guarded_session, "SETTLE_TIMEOUT_S", 0.5)
    ran = await asyncio.gather(*(acted(tmp_path / str(n), odd) for n, odd in enumerate(NODES.values())))
    for (what, odd), (report, said) in zip(NODES.items(), ran, strict=True):
        assert report.outcome is (Outcome.REFUSED if odd.refused else Outcome.SUCCEEDED), (what, said)
        assert odd.refused in report.sentence, (what, said)
        assert [word for word in INVENTED if word in said] == [], (what, said)
        assert {each.code for each in report.denials} <= {"stale-evidence", "node-unreachable"}, (what, said)
