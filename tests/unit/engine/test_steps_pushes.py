"""A push on a simulated pair, cut at every command: each node is old or new, and the pair is one or the other."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from iamops.cli.backend.run import nodes_as_before
from iamops.engine.ports import CommandAnswer, NotSent, OutcomeUnknown
from iamops.judge.run import Outcome, RestoredBy, RunReport
from iamops.model.exit_code import ExitCode
from iamops.model.outage import GapReport
from iamops.plan.action import ConfigPush, Drain, DrainedRestart
from iamops.plan.config.change import FileChange, FilesSeen, NodeFilesChange, PushedFiles
from iamops.plan.steps import StepKind
from tests.support.meters import FixedMeter, measured
from tests.support.pair import Bench, Killed, run

SECRET = "auth_pass sesame12"

CONF = "/etc/keepalived/keepalived.conf"


def change(node: str) -> NodeFilesChange:
    files = (
        FileChange("/etc/nginx/nginx.conf", "old\n", "new\n"),
        FileChange(CONF, f"a\n{SECRET}\n", f"b\n{SECRET}\n", 0o600, secret=True),
    )
    return NodeFilesChange(node, files, {"/etc/nginx/nginx.conf": "1" * 64, CONF: "2" * 64})


CHANGES = {node: change(node) for node in ("iam-a", "iam-b")}

PUSH = ConfigPush("20261124T120000Z-abcdef", ("config", "push"), CHANGES)

APART = dataclasses.replace(PUSH, incompatible=("virtual_router_id changes",))

ASKED = dataclasses.replace(PUSH, confirm_s=5)

DRAINS = {node: tuple(Drain(each, "10.0.4.20:8080") for each in CHANGES) for node in CHANGES}

NGINX = {
    node: {each: dataclasses.replace(c, files=c.files[:1]) for each, c in CHANGES.items()} for node in CHANGES
}

DRAINED = DrainedRestart("iam-apiserver", "iam-apiserver", "20261124T120000Z-abcdef", NGINX, DRAINS)


def seeing() -> Bench:
    """A bench whose collectors go on telling while a push is watched."""
    bench = Bench()
    bench.eyes.on_wait = bench.world.tell
    return bench


def commands(action: ConfigPush | DrainedRestart) -> int:
    bench = seeing()
    report = asyncio.run(run(bench, action))
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    return len(bench.hands.sent)


def files(bench: Bench) -> list[str]:
    return [machine.files for machine in bench.world.machines.values()]


ACTIONS = (PUSH, APART, ASKED, DRAINED)

COUNTS = {id(action): commands(action) for action in ACTIONS}

CUTS = [(action, at) for action in ACTIONS for at in range(COUNTS[id(action)])]


@pytest.mark.parametrize(("verb", "code"), [("check", "config-invalid"), ("stage", "changed-meanwhile")])
@pytest.mark.parametrize("action", [PUSH, DRAINED], ids=["push", "drained restart"])
async def test_a_refusal_says_that_it_can_be_overridden_only_where_it_can(
    action: ConfigPush | DrainedRestart, verb: str, code: str
):
    bench = seeing()
    bench.hands.answers[("sudo", "-n", "/usr/local/sbin/iamops-config", verb)] = CommandAnswer(1, "", "not so")
    (denial,) = (await run(bench, action)).denials
    assert (denial.code, bool(denial.subjects)) == (code, True)
    assert denial.overridable is (action is DRAINED and verb == "check")
    names = (code, *(f"{code}@{denial.node}/{each}" for each in denial.subjects))
    order = bench.order(action, overrides=names, reason="it is known")
    report = await bench.engine.run(order, lambda report: None)
    first = [(each.node, each.subjects) for each in report.denials]
    assert (first == [(denial.node, denial.subjects)]) is not denial.overridable


def named(value: object) -> str:
    return value.sentence if isinstance(value, ConfigPush | DrainedRestart) else str(value)


async def test_everything_is_staged_and_checked_before_anything_is_replaced_and_the_owner_comes_last():
    bench = seeing()
    report = await run(bench, PUSH)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    verbs = [argv[-1] for argv in bench.hands.changes if "iamops-config" in argv[0]]
    assert verbs == ["stage"] * 2 + ["check"] * 2 + ["arm", "apply"] * 2 + ["ready"] * 2 + ["confirm"] * 2
    assert report.plan is not None
    assert [step.node for step in report.plan.steps if step.title.startswith("replace")] == ["iam-b", "iam-a"]
    assert (files(bench), bench.world.whole()) == (["new", "new"], [])


async def test_where_old_and_new_must_not_meet_the_standby_is_stopped_and_the_owner_s_timer_is_first():
    bench = seeing()
    report = await run(bench, APART)
    assert report.plan is not None
    titles = [step.title for step in report.plan.steps]
    armed = [step.node for step in report.plan.steps if step.kind == "arm"]
    assert armed == ["iam-a", "iam-b"]
    assert titles.index("stop keepalived on iam-b") < titles.index("reload keepalived on iam-a")
    assert titles.index("reload keepalived on iam-a") < titles.index("start keepalived on iam-b")
    assert "may be dark" in report.plan.prediction


@pytest.mark.parametrize(("action", "at"), CUTS, ids=named)
async def test_killed_at_any_command_the_nodes_take_back_what_was_not_kept(action, at: int):
    bench = seeing()

    def kill(number: int, argv: object) -> None:
        if number == at:
            raise Killed

    bench.hands.after = kill
    with pytest.raises(Killed):
        await run(bench, action)
    bench.world.fire_timers()
    assert bench.world.whole() == []
    assert not any(machine.pending for machine in bench.world.machines.values())
    # The last two commands keep the files, and are sent at the same moment: no process ends between them.
    if action is DRAINED or at < COUNTS[id(action)] - 4:
        assert files(bench) == ["old", "old"]


def test_a_drained_restart_waits_for_what_fell_with_the_service_before_the_next_node():
    plan, denied = seeing().engine.consider(seeing().order(DRAINED))
    titles = [step.title for step in plan.steps]
    assert denied == ()
    fell = titles.index("wait until iam-authz-server on iam-b is healthy again")
    assert titles.index("restart iam-apiserver on iam-b") < fell < titles.index("restart iam-apiserver on iam-a")
    assert "requests to iam-authz-server on iam-b again" in titles[fell + 1]
    staged = next(n for n, step in enumerate(plan.steps) if step.kind is StepKind.STAGE and n > fell)
    assert (
        max(n for n, step in enumerate(plan.steps) if step.kind is StepKind.DISARM and n < staged) < fell < staged
    )


@pytest.mark.parametrize(("action", "at"), CUTS, ids=named)
async def test_with_an_answer_lost_anywhere_nothing_is_left_half_done(action, at: int):
    bench = seeing()

    def lose(number: int, argv: object) -> None:
        if number == at:
            raise OutcomeUnknown("the link was lost")

    bench.hands.after = lose
    report = await run(bench, action)
    bench.world.fire_timers()
    assert bench.world.whole() == []
    if report.outcome is Outcome.SUCCEEDED:
        assert files(bench) == (["old", "old"] if action is DRAINED else ["new", "new"])


@pytest.mark.parametrize(
    ("verb", "outcome", "said"), [("check", Outcome.REFUSED, "bad"), ("apply", Outcome.FAILED, "bad")]
)
async def test_a_node_that_says_no_is_taken_at_its_word(verb: str, outcome: Outcome, said: str):
    bench = seeing()
    bench.hands.answers[("sudo", "-n", "/usr/local/sbin/iamops-config", verb)] = CommandAnswer(4, "", said)
    report = await run(bench, PUSH)
    assert (report.outcome, files(bench), bench.world.whole()) == (outcome, ["old", "old"], [])
    assert said in report.sentence
    assert not any(denial.overridable for denial in report.denials)


async def test_what_nobody_confirms_is_taken_back():
    bench = seeing()
    bench.hands.keeps = False
    report = await run(bench, ASKED)
    assert (report.outcome, report.restored_by) == (Outcome.FAILED, RestoredBy.CONSOLE)
    assert files(bench) == ["old", "old"]


async def test_neither_the_plan_nor_the_audit_holds_a_secret():
    bench = seeing()
    report = await run(bench, PUSH)
    kept = repr(bench.records.kept)
    assert "sesame" not in kept
    assert "sesame" not in repr(report.action)
    assert "bytes, sha256" in kept


async def test_nothing_is_kept_while_a_node_does_not_answer():
    """A dead link is noticed late: the node that answers must not keep what the other takes back."""
    bench = seeing()

    def lose(number: int, argv: object) -> None:
        if argv[-1] == "ready":  # type: ignore[index]  # always argv here
            raise OutcomeUnknown("the link is dead")

    bench.hands.before = lose
    report = await run(bench, PUSH)
    bench.world.fire_timers()
    assert report.outcome is Outcome.UNKNOWN
    assert files(bench) == ["old", "old"]
    assert not any(argv[-1] == "confirm" for argv in bench.hands.sent)


def cut_off_at_confirm(bench: Bench, *nodes: str) -> None:
    """The first `confirm` of each of these nodes is lost: carried out there, or (`before`) not even begun."""
    lost = set(nodes)
    real = bench.hands.run

    async def losing(node: str, argv: Sequence[str], **how: Any) -> CommandAnswer:
        if argv[-1] == "confirm" and node in lost:
            lost.discard(node)
            raise OutcomeUnknown(f"{node}: the link was lost")
        return await real(node, argv, **how)

    bench.hands.run = losing  # type: ignore[method-assign]


async def interrupted_at(bench: Bench, verb: str, count: int) -> RunReport:
    """Ctrl-C after the command with this verb was carried out so many times, while its answers are on the way."""
    real = bench.hands.run

    async def slow(node: str, argv: Sequence[str], **how: Any) -> CommandAnswer:
        answer = await real(node, argv, **how)
        if argv[-1] == verb and [each[-1] for each in bench.hands.sent].count(verb) == count:
            task.cancel()
        await asyncio.sleep(0)
        return answer

    bench.hands.run = slow  # type: ignore[method-assign]
    task = asyncio.ensure_future(run(bench, PUSH))
    return await task


async def test_interrupted_while_the_files_are_kept_the_run_has_succeeded_and_says_so():
    bench = seeing()
    report = await interrupted_at(bench, "confirm", 2)
    assert (report.outcome, files(bench)) == (Outcome.SUCCEEDED, ["new", "new"])
    assert report.exit_code is ExitCode.OK
    assert "interrupted, but by then the new files were kept" in report.notes
    assert not any(argv[-1] == "restore" for argv in bench.hands.sent)


async def test_interrupted_before_any_node_keeps_its_files_they_are_taken_back():
    bench = seeing()
    report = await interrupted_at(bench, "ready", 2)
    assert (report.outcome, report.restored_by) == (Outcome.FAILED, RestoredBy.CONSOLE)
    assert (files(bench), report.exit_code) == (["old", "old"], ExitCode.INTERRUPTED)
    assert report.files == {"iam-a": "old", "iam-b": "old"}


async def test_a_node_that_lost_the_word_to_keep_is_asked_again_when_another_has_kept_its_files():
    bench = seeing()
    cut_off_at_confirm(bench, "iam-b")
    report = await run(bench, PUSH)
    assert (report.outcome, files(bench)) == (Outcome.SUCCEEDED, ["new", "new"])
    assert "iam-b has the new files (confirmed)" in report.steps[-1].text


async def test_where_no_node_heard_that_it_may_keep_the_files_all_are_taken_back():
    bench = seeing()
    cut_off_at_confirm(bench, "iam-a", "iam-b")
    report = await run(bench, PUSH)
    assert (report.outcome, report.restored_by) == (Outcome.FAILED, RestoredBy.CONSOLE)
    assert files(bench) == ["old", "old"]


async def test_one_node_new_and_one_old_is_unknown_and_told_node_by_node():
    bench = seeing()

    def fired(number: int, argv: Sequence[str]) -> None:
        if argv[-1] == "confirm":
            node = bench.world.machines["iam-b"]
            node.files, node.pending, node.ended = "old", False, "taken back timer"
            node.timers.clear()

    bench.hands.before = fired
    report = await run(bench, PUSH)
    assert files(bench) == ["new", "old"]
    assert (report.outcome, report.restored_by) == (Outcome.UNKNOWN, RestoredBy.NOBODY)
    assert report.exit_code is ExitCode.UNKNOWN
    assert report.files == {"iam-a": "new", "iam-b": "old"}
    truth = report.sentence.partition("now: ")[2]
    assert "iam-a has the new files (confirmed)" in truth
    assert "iam-b has the old files (taken back timer)" in truth
    assert "iamops config diff" in report.sentence


async def test_nothing_is_taken_back_before_the_old_files_are_seen():
    """The services run as well with the new files: only digests tell that the node's timer has fired."""
    bench = seeing()

    def dark(number: int, argv: Sequence[str]) -> None:
        if argv[-1] == "ready":
            bench.hands.blind = {"iam-a", "iam-b"}
            raise OutcomeUnknown("the link is dead")
        if argv[-1] == "restore":
            raise OutcomeUnknown("the link is dead")

    bench.hands.before = dark
    report = await run(bench, PUSH)
    assert report.outcome is Outcome.UNKNOWN
    assert report.files == {"iam-a": "unseen", "iam-b": "unseen"}
    assert report.restored_by is RestoredBy.NOBODY
    assert "the files of iam-a are not seen" in report.sentence


async def test_what_the_timer_has_taken_back_is_told_as_the_timer_s():
    bench = seeing()

    def fire(number: int, argv: Sequence[str]) -> None:
        if argv[-1] == "ready":
            bench.world.fire_timers()

    bench.hands.before = fire
    report = await run(bench, PUSH)
    assert (report.outcome, report.restored_by) == (Outcome.FAILED, RestoredBy.DEAD_MAN)
    assert files(bench) == ["old", "old"]


async def test_files_that_were_replaced_stay_to_be_taken_back_when_a_later_command_cannot_be_sent():
    bench = seeing()

    def refuse(number: int, argv: Sequence[str]) -> None:
        if "reload" in argv:
            raise NotSent("no channel is free")

    bench.hands.before = refuse
    report = await run(bench, PUSH)
    assert (report.outcome, files(bench), bench.world.whole()) == (Outcome.FAILED, ["old", "old"], [])


class HarmAfter(FixedMeter):
    """Clients are well until this many nodes keep the new files."""

    def __init__(self, bench: Bench, kept: int) -> None:
        super().__init__(measured())
        self._bench, self._kept = bench, kept

    def report(self) -> GapReport:
        kept = [machine for machine in self._bench.world.machines.values() if machine.ended == "confirmed"]
        return measured(8.7) if len(kept) >= self._kept else measured()


async def test_a_push_that_has_cost_clients_too_much_is_taken_back_before_it_is_kept():
    bench = seeing()
    bench.engine.meter = lambda plan: HarmAfter(bench, 0)
    report = await run(bench, PUSH)
    assert (report.outcome, report.restored_by) == (Outcome.FAILED, RestoredBy.CONSOLE)
    assert "not kept: a client got no good answer for 8700 ms" in report.sentence
    assert files(bench) == ["old", "old"]
    assert nodes_as_before(report)


async def test_files_that_another_hand_has_changed_meanwhile_are_not_kept():
    bench = seeing()
    real = bench.hands.pushed

    async def edited(asked: PushedFiles) -> FilesSeen:
        seen = await real(asked)
        installed = asked.node == "iam-b" and bench.world.machines["iam-b"].files == "new"
        return dataclasses.replace(seen, digests={**seen.digests, CONF: "e" * 64}) if installed else seen

    bench.hands.pushed = edited  # type: ignore[method-assign]
    report = await run(bench, PUSH)
    assert report.outcome is Outcome.FAILED
    assert "not kept: iam-b has neither all old nor all new files" in report.sentence
    assert f"changed by another hand: {CONF}" in report.sentence
    assert files(bench) == ["old", "old"]
    assert not any(argv[-1] == "confirm" for argv in bench.hands.sent)


async def test_a_push_that_is_kept_and_then_judged_a_failure_says_which_files_stay():
    bench = seeing()
    bench.engine.meter = lambda plan: HarmAfter(bench, 2)
    report = await run(bench, PUSH)
    assert (report.outcome, report.restored_by) == (Outcome.FAILED, RestoredBy.NOBODY)
    assert files(bench) == ["new", "new"]
    assert report.files == {"iam-a": "new", "iam-b": "new"}
    assert "iam-a has the new files" in report.sentence
    assert not report.taken_back
    assert not nodes_as_before(report)


async def test_a_push_that_is_kept_without_a_steady_state_after_it_says_which_files_stay():
    bench = seeing()

    def gone_when_kept(number: int, argv: Sequence[str]) -> None:
        if argv[-1] == "confirm":
            for machine in bench.world.machines.values():
                machine.pids.pop("keepalived", None)
            bench.world.elect()
            bench.world.tell()

    bench.hands.after = gone_when_kept
    report = await run(bench, PUSH)
    assert report.outcome is not Outcome.SUCCEEDED
    assert report.files == {"iam-a": "new", "iam-b": "new"}
    assert not nodes_as_before(report)


RESTART = ("/usr/bin/systemctl", "restart", "iam-apiserver.service")


def is_quiet_look(argv: Sequence[str]) -> bool:
    return "quiet" in argv[:4]


async def test_a_backend_is_restarted_while_every_nginx_has_it_down_and_is_quiet():
    bench = seeing()
    seen: list[tuple[list[str], set[str]]] = []
    quiet: set[str] = set()
    real = bench.hands.run

    async def watched(node: str, argv: Sequence[str], **how: Any) -> CommandAnswer:
        if is_quiet_look(argv):
            quiet.add(node)
        if tuple(argv[-3:]) == RESTART:
            seen.append((files(bench), set(quiet)))
        if argv[-1] == "apply":
            quiet.clear()
        return await real(node, argv, **how)

    bench.hands.run = watched  # type: ignore[method-assign]
    report = await run(bench, DRAINED)
    assert report.outcome is Outcome.SUCCEEDED, report.sentence
    assert seen == [(["new", "new"], {"iam-a", "iam-b"})] * 2
    assert (files(bench), bench.world.whole()) == (["old", "old"], [])


async def test_requests_that_do_not_end_fail_the_drain_and_everything_is_put_back():
    bench = seeing()
    real = bench.hands.run

    async def busy(node: str, argv: Sequence[str], **how: Any) -> CommandAnswer:
        return CommandAnswer(0, "0 0 1\n", "") if is_quiet_look(argv) else await real(node, argv, **how)

    bench.hands.run = busy  # type: ignore[method-assign]
    report = await run(bench, DRAINED)
    assert report.outcome is Outcome.FAILED, report.sentence
    assert "1 old worker still at work" in report.sentence
    assert not any(tuple(argv[-3:]) == RESTART for argv in bench.hands.sent)
    assert (files(bench), bench.world.whole()) == (["old", "old"], [])
