"""Configuration on the real pair: what a push does, what it must not do, and what is left when it is cut."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from iamops.judge.run import Outcome, RestoredBy, Stage
from iamops.plan.steps import StepKind
from iamops.session.config.configurator import Configurator
from iamops.session.operator import Operator, ProfileChanged
from tests.lab.acting import ActingLab, operating
from tests.lab.cuts import TwoWays, cut_run, hashes
from tests.lab.fronts import front_of
from tests.lab.pushing import QUICK, changed, kept, services, with_template
from tests.lab.slices import sliced
from tests.lab.whole import whole_within, wrong
from tests.support.load import loading


@pytest.fixture
def config(pushing: ActingLab) -> Iterator[ActingLab]:
    """The pair with the files of the profile, before and after."""
    yield from kept(pushing)


@pytest.mark.alone
def test_a_push_that_only_reloads_nginx_loses_no_request(config: ActingLab):
    path = changed(config, nginx={"connect_timeout_s": 2})
    inodes = config.shell("iam-a", "stat -c %i /etc/keepalived/keepalived.conf")
    with loading("10.0.4.99", "iam.api.marmotedu.com", namespace=config.paths.operator_namespace) as load:
        done = config.act("config", "push", "--reason", "slower", profile=path)
    assert done.code == 0, done.err
    assert load.lost == {}, load.result
    assert load.result["rate"] > 450, load.result
    assert "proxy_connect_timeout       2s;" in config.says("iam-a", "cat", "/etc/nginx/nginx.conf")
    assert config.shell("iam-a", "stat -c %i /etc/keepalived/keepalived.conf") == inodes
    assert wrong(config) == []
    history = config.run("config", "history", "--json").document["pushes"][0]
    assert history["reason"] == "slower"
    assert {node["outcome"] for node in history["nodes"].values()} == {"confirmed"}


def test_a_rollback_brings_back_every_byte(config: ActingLab):
    before = hashes(config)
    path = changed(config, nginx={"client_max_body": "9m"}, services=services(domain=None))
    assert config.act("config", "push", profile=path).code == 0
    assert "iam-apiserver.conf" not in config.says("iam-a", "ls", "/etc/nginx/conf.d")
    done = config.act("config", "rollback", profile=path)
    assert done.code == 0, done.err
    assert hashes(config) == before


def test_a_profile_that_is_edited_at_the_question_is_not_pushed_as_it_was(config: ActingLab):
    before = hashes(config)
    config.write_profile(nginx={"client_max_body": "9m"})
    try:
        with front_of(config, ("config", "push"), "edited") as seen:
            seen.wait_for(r"type lab to run this plan")
            config.write_profile(nginx={"client_max_body": "7m"})
            seen.press("lab\r")
            assert seen.wait_for_outcome()["kind"] == "refused"
            seen.wait_for(r"lab\.yaml was edited on disk: start iamops again to use it")
            assert seen.process.wait(10) == 3
    finally:
        config.write_profile()
    assert hashes(config) == before


STOPPED = {
    "nginx": ("nginx.conf.j2", "sendfile            on;", "sendfile            on", "config-invalid"),
    "keepalived": ("keepalived.conf.j2", "virtual_router_id {{", "virtual_router_id x{{", "config-invalid"),
    "one node": ("nginx.conf.j2", "sendfile ", "include /etc/only-on-a; sendfile ", "config-invalid"),
    "not a script": ("check_nginx.sh.j2", "ask() {", "ask() {{'{'}} (", "config-invalid"),
}


@pytest.mark.parametrize("case", sliced(STOPPED, "keepalived", "not a script"))
def test_a_push_that_cannot_work_is_refused_before_anything_is_replaced(config: ActingLab, case: str):
    name, was, becomes, code = STOPPED[case]
    config.shell("iam-a", "echo > /etc/only-on-a")
    before, footprint = hashes(config), config.footprint()
    done = config.act("config", "push", profile=with_template(config, name, was, becomes))
    assert done.code == 3, done.err
    assert done.denied == [code], done.document["sentence"]
    assert (hashes(config), config.footprint()) == (before, footprint)
    assert not any(denial["overridable"] for denial in done.document["denials"])


def test_a_port_that_is_in_use_is_found_before_anything_is_replaced(config: ActingLab):
    before = hashes(config)
    done = config.act("config", "push", profile=changed(config, nginx={"port": 7070}))
    assert done.code == 3, done.err
    assert "port 7070 is in use" in done.document["sentence"]
    assert hashes(config) == before


def test_a_vip_that_answers_502_is_taken_back(config: ActingLab):
    """Valid on every node, and wrong all the same: nobody listens where the upstream points."""
    before = hashes(config)
    path = with_template(
        config,
        "nginx.conf.j2",
        "server {{ server }} max_fails=1 fail_timeout={{ profile.nginx.fail_timeout_s }}s;",
        "server 127.0.0.1:9;",
    )
    done = config.act("config", "push", profile=path)
    assert done.code == 1, done.err
    assert "502" in done.document["sentence"]
    assert done.document["restored_by"] == "console"
    assert hashes(config) == before
    assert last_outcomes(config) == {"taken back console"}
    assert done.document["files"] == {"iam-b": "old"}
    whole_within(config, 10)


def last_outcomes(lab: ActingLab) -> set[str]:
    """How the last push ended, as the nodes that were part of it remember it."""
    nodes = lab.run("config", "history", "--json").document["pushes"][0]["nodes"]
    return {node["outcome"] for node in nodes.values()}


def test_restoring_when_nothing_waits_is_no_success_and_leaves_everything_as_it_is(config: ActingLab):
    assert config.act("config", "push", profile=changed(config, nginx={"connect_timeout_s": 2})).code == 0
    kept, script = hashes(config), "/usr/local/sbin/iamops-config"
    said = config.shell("iam-a", f"su iamops -s /bin/sh -c 'sudo -n {script} restore' 2>&1; echo $?")
    assert re.fullmatch(r"nothing to take back: push \S+ was confirmed at \S+Z\n3", said)
    assert config.shell("iam-a", f"{script} restore timer; echo $?") == "0", "the timer finds nothing to do"
    push = config.run("config", "history", "--json").document["pushes"][0]["push"]
    assert config.shell("iam-a", f"echo {push} | {script} confirm; echo $?") == "0", "asked again: the same answer"
    assert config.shell("iam-a", f"echo other | {script} confirm 2>/dev/null; echo $?") == "3"
    assert (hashes(config), last_outcomes(config)) == (kept, {"confirmed"})


def test_the_login_user_reaches_no_file_that_is_not_managed_through_the_script(config: ActingLab):
    """A link in what is staged, a digest of another file, a push's name that is a path."""
    before, script = hashes(config), "/usr/local/sbin/iamops-config"

    def asked(verb: str, stdin: str) -> str:
        return config.shell("iam-a", f'su iamops -s /bin/sh -c "{stdin} | sudo -n {script} {verb}" 2>&1; echo $?')

    config.shell("iam-a", "rm -rf /tmp/x; mkdir -p /tmp/x/files/etc/nginx/conf.d")
    manifest = "id p\\nmeta {}\\nrollback_s 60\\nput 644 root:root /etc/nginx/conf.d/x.conf\\n"
    config.shell(
        "iam-a", f"printf '{manifest}' >/tmp/x/manifest; ln -s /etc/shadow /tmp/x/files/etc/nginx/conf.d/x.conf"
    )
    config.shell(
        "iam-a", "tar -C /tmp/x -cf /tmp/x.tar manifest files/etc/nginx/conf.d/x.conf; chmod 644 /tmp/x.tar"
    )
    assert asked("stage", "base64 /tmp/x.tar") == "what was sent is not a tar of regular files alone\n2"
    assert asked("fetch", "echo ../../../../../etc/nginx") == "no name of a push\n2"
    assert asked("confirm", "echo ../staged") == "no name of a push\n2"
    assert hashes(config) == before
    config.shell("iam-a", "rm -rf /tmp/x /tmp/x.tar")


@pytest.mark.parametrize(
    "older", sliced([False, True], True), ids=["armed by this version", "armed by an older one"]
)
def test_what_the_timer_takes_back_is_told_as_the_timer_s(config: ActingLab, older: bool):
    """An older script arms a timer that says nothing of itself; the push brings the new one."""
    before, script = hashes(config), "/usr/local/sbin/iamops-config"
    if older:
        for node in config.profile.nodes:
            config.shell(
                node, f"cp -p {script} /root/newer; sed -i 's/ restore timer || exit/ restore || exit/' {script}"
            )
        assert hashes(config) != before
    path = changed(config, safety=QUICK, nginx={"connect_timeout_s": 2})
    names = boundary_names(config, path)
    cut_run(config, "config push", names.index("reload nginx on iam-a: running"), "kill", profile=path)
    whole_within(config, QUICK["rollback_s"] + 15)
    assert last_outcomes(config) == {"taken back timer"}
    for node in config.profile.nodes if older else ():
        config.shell(node, f"mv /root/newer {script}")
    assert hashes(config) == before


async def cut_at_the_last_step(
    lab: ActingLab, path: Path, cut: Callable[[asyncio.Task[Any]], None]
) -> tuple[Any, list[str]]:
    """A push with `cut` called when its files are about to be kept; its report, and which files each node has."""
    before = hashes(lab)
    async with operating(lab, path) as (cluster, operator):
        push = await Configurator(cluster.profile, cluster.transport).push()
        begun = asyncio.Event()

        def tell(report: Any) -> None:
            keeping = report.steps and report.steps[-1].stage is Stage.RUNNING
            if keeping and not begun.is_set():
                begun.set()
                cut(task)

        task = asyncio.ensure_future(operator.run(operator.order(push), tell))
        report = await task
    await asyncio.to_thread(whole_within, lab, lab.profile.safety.rollback_s + 20)
    return report, ["old" if now == before[node] else "new" for node, now in hashes(lab).items()]


@pytest.mark.parametrize("after_s", sliced([0.0, 0.1, 0.3], 0.1, 0.3))
async def test_an_interrupt_while_files_are_kept_leaves_all_or_none_and_tells_which(
    config: ActingLab, after_s: float
):
    def interrupt(task: asyncio.Task[Any]) -> None:
        asyncio.get_running_loop().call_later(after_s, task.cancel)

    path = changed(config, nginx={"connect_timeout_s": 2})
    report, have = await cut_at_the_last_step(config, path, interrupt)
    assert have in (["new", "new"], ["old", "old"])
    assert report.outcome is (Outcome.SUCCEEDED if have[0] == "new" else Outcome.FAILED), report.sentence
    assert report.restored_by is (None if have[0] == "new" else RestoredBy.CONSOLE)


@pytest.mark.parametrize("node", sliced(["iam-a", "iam-b"], "iam-b"))
async def test_a_link_that_comes_back_in_time_is_asked_again_to_keep_the_files(config: ActingLab, node: str):
    healed: list[threading.Timer] = []

    def cut(task: asyncio.Task[Any]) -> None:
        config.fault("ssh-blocked", node)
        healed.append(threading.Timer(9.0, config.heal, ("ssh-blocked", node)))
        healed[0].start()

    path = changed(config, safety={**QUICK, "rollback_s": 40}, nginx={"connect_timeout_s": 2})
    report, have = await cut_at_the_last_step(config, path, cut)
    healed[0].join()
    assert (report.outcome, have) == (Outcome.SUCCEEDED, ["new", "new"]), report.sentence


async def test_a_link_that_stays_away_leaves_the_outcome_unknown_and_says_of_which_node(config: ActingLab):
    path = changed(config, safety=QUICK, nginx={"connect_timeout_s": 2})
    before = hashes(config)
    async with operating(config, path) as (cluster, operator):
        push = await Configurator(cluster.profile, cluster.transport).push()
        begun = asyncio.Event()

        def tell(report: Any) -> None:
            if report.steps and report.steps[-1].stage is Stage.RUNNING and not begun.is_set():
                begun.set()
                config.fault("ssh-blocked", "iam-b")

        report = await operator.run(operator.order(push), tell)
    config.heal("ssh-blocked", "iam-b")
    whole_within(config, QUICK["rollback_s"] + 20)
    assert report.outcome is Outcome.UNKNOWN, report.sentence
    assert report.files["iam-b"] == "unseen"
    assert "iam-b is not seen since" in report.sentence
    which = "old" if hashes(config)["iam-a"] == before["iam-a"] else "new"
    assert report.files["iam-a"] == which


def test_a_check_that_fails_is_found_by_watching_and_taken_back(config: ActingLab):
    before = hashes(config)
    path = with_template(config, "check_nginx.sh.j2", "HTTP/1.?\\ 204*", "HTTP/1.?\\ 999*")
    done = config.act("config", "push", profile=path)
    assert done.code == 1, done.err
    assert hashes(config) == before
    whole_within(config, 20)


async def test_an_edit_since_the_diff_was_shown_is_refused(config: ActingLab):
    path = changed(config, nginx={"connect_timeout_s": 2})
    async with operating(config, path) as (cluster, operator):
        push = await Configurator(cluster.profile, cluster.transport).push()
        config.shell("iam-b", "echo '# mine' >> /etc/nginx/conf.d/iam-apiserver.conf")
        report = await operator.run(operator.order(push), lambda _report: None)
    assert report.outcome is Outcome.REFUSED
    assert "iam-apiserver.conf was changed since it was looked at" in report.sentence
    assert config.shell("iam-b", "tail -n 1 /etc/nginx/conf.d/iam-apiserver.conf") == "# mine"


@pytest.mark.parametrize("word", sliced([None, True], True))
async def test_nothing_stays_that_the_operator_did_not_confirm(config: ActingLab, word: bool | None):
    before = hashes(config)
    path = changed(config, nginx={"connect_timeout_s": 2})
    async with operating(config, path) as (cluster, operator):
        push = await Configurator(cluster.profile, cluster.transport).push(confirm_s=2)

        def tell(report: Any) -> None:
            asked = any(s.step.kind is StepKind.CONFIRM and s.stage is Stage.RUNNING for s in report.steps)
            if word is not None and asked:
                asyncio.get_running_loop().call_soon(lambda: cluster.commands.confirm(kept=word))

        report = await operator.run(operator.order(push), tell)
    kept = word is True
    assert report.outcome is (Outcome.SUCCEEDED if kept else Outcome.FAILED), report.sentence
    assert (hashes(config) == before) is not kept
    assert report.restored_by is (None if kept else RestoredBy.CONSOLE)


def test_drift_is_found_and_owner_and_mode_are_kept(config: ActingLab):
    config.shell("iam-b", "echo '# by hand' >> /etc/nginx/nginx.conf; chgrp adm /etc/nginx/nginx.conf")
    config.shell("iam-b", "chmod 640 /etc/nginx/nginx.conf")
    diff = config.run("config", "diff", "--check", "--json")
    assert diff.code == 1
    assert [f["path"] for f in diff.document["nodes"]["iam-b"]["files"]] == ["/etc/nginx/nginx.conf"]
    assert diff.document["nodes"]["iam-a"]["in_sync"]
    config.shell("iam-b", "chmod 644 /etc/nginx/nginx.conf")
    assert config.act("config", "push").code == 0
    assert config.shell("iam-b", "stat -c '%a %U:%G' /etc/nginx/nginx.conf") == "644 root:adm"
    config.shell("iam-b", "chgrp root /etc/nginx/nginx.conf")


def test_a_node_that_lost_power_in_the_middle_is_old_after_its_boot(config: ActingLab):
    """The transient timer is gone with the machine: the unit at boot takes the files back."""
    before = hashes(config)
    path = changed(config, nginx={"connect_timeout_s": 2}, safety=QUICK)

    async def push() -> None:
        async with operating(config, path) as (cluster, operator):
            action = await Configurator(cluster.profile, cluster.transport).push()
            lost = asyncio.Event()

            def tell(report: Any) -> None:
                doing = [s for s in report.steps if s.step.title.startswith("reload nginx on iam-b") and s.began]
                if doing and not lost.is_set():
                    lost.set()
                    config.fault("power-off", "iam-b")

            report = await operator.run(operator.order(action), tell)
        assert report.outcome is not Outcome.SUCCEEDED

    asyncio.run(push())
    config.heal("power-off", "iam-b")
    whole_within(config, 30)
    assert hashes(config) == before
    assert "taken back boot" in str(config.run("config", "history", "--json").document["pushes"][0])


def two_ways(lab: ActingLab) -> TwoWays:
    """A push of several files, there and back. The roll-back's time is short: it is waited for."""
    one = changed(lab, "one.yaml", safety=QUICK)
    nginx = {"connect_timeout_s": 2, "client_max_body": "9m"}
    return TwoWays.made(lab, one, changed(lab, "other.yaml", safety=QUICK, nginx=nginx))


def test_a_push_whose_console_is_killed_is_taken_back_and_can_be_repeated(config: ActingLab):
    """`python -m tests.soak.pushes` cuts every boundary in every way; here one node is new, the other not yet."""
    before = hashes(config)
    path = changed(config, safety=QUICK, nginx={"connect_timeout_s": 2, "client_max_body": "9m"})
    # The boundary's number is that of an undisturbed run: begun, sent and observed are one each.
    names = boundary_names(config, path)
    assert (
        cut_run(config, "config push", names.index("reload nginx on iam-a: running"), "kill", profile=path) is None
    )
    whole_within(config, QUICK["rollback_s"] + 15)
    assert hashes(config) == before
    assert config.act("config", "push", profile=path).code == 0
    assert hashes(config) != before


def boundary_names(lab: ActingLab, path: Path) -> list[str]:
    """The boundaries of a push, as its plan says them: nothing is run for it."""
    plan = lab.run("config", "push", "--dry-run", "--json", profile=path).document
    steps = [f"{step['title']}: {stage}" for step in plan["steps"] for stage in ("running", "observing", "done")]
    return ["planning", "locking", "looking again", "acting", *steps]


def test_what_both_nodes_must_agree_on_changes_without_two_masters(config: ActingLab):
    """Another virtual_router_id: the standby stands still meanwhile, so that nobody ever holds the VIP twice."""
    raw = yaml.safe_load(config.profile_file.read_text())["vrrp"]
    raw["VI_1"] |= {"virtual_router_id": 52, "check": {"interval_s": 2, "timeout_s": 2, "fall": 2, "rise": 1}}
    with owners_watched(config) as seen:
        done = config.act("config", "push", profile=changed(config, vrrp=raw))
    assert done.code == 0, done.err
    assert "virtual_router_id changes" in str(done.document["plan"]["notes"])
    assert max(map(len, seen)) == 1
    assert config.status().owners == ("iam-a",)
    assert "virtual_router_id 52" in config.says("iam-b", "cat", "/etc/keepalived/keepalived.conf")


@contextlib.contextmanager
def owners_watched(lab: ActingLab) -> Iterator[list[tuple[str, ...]]]:
    """Who holds the VIP, asked again and again."""
    seen: list[tuple[str, ...]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            seen.append(lab.status().owners)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_lint_of_the_live_pair_asks_the_daemons_too(config: ActingLab):
    clean = config.run("config", "lint", "--json")
    assert (clean.code, clean.document["findings"]) == (0, []), clean.out
    config.shell("iam-b", "sed -i 's/advert_int 1/advert_int 0/' /etc/keepalived/keepalived.conf")
    # A file's time is told in whole seconds; keepalived may have been restarted in this very one.
    config.shell("iam-b", "touch -d '+10 seconds' /etc/keepalived/keepalived.conf")
    config.shell("iam-a", "sed -i 's/sendfile            on;/sendfile on/' /etc/nginx/nginx.conf")
    found = config.run("config", "lint", "--json")
    codes = {(each["code"], each["node"]) for each in found.document["findings"]}
    assert found.code == 1
    assert {("K017", "iam-b"), ("N008", "iam-a"), ("N001", "iam-a"), ("L001", "iam-b"), ("L002", "iam-a")} <= codes
    # keepalived takes no interval of 0, and goes on with 1, as the other node has it.
    assert ("K001", "iam-b") in codes
    assert "P002" not in {code for code, _ in codes}


async def test_a_profile_that_was_edited_meanwhile_is_not_pushed(config: ActingLab):
    before, path = hashes(config), changed(config, nginx={"connect_timeout_s": 2})
    async with operating(config, path) as (cluster, _operator):
        ledger = config.directory / "state" / "console.jsonl"
        console = Operator(cluster, profile_name=str(path), ledger=ledger, profile_file=path)
        console.arm()
        push = await console.push_action()
        changed(config, nginx={"connect_timeout_s": 4})
        with pytest.raises(ProfileChanged):
            await console.push_action()
        report = await console.run(console.order(push), lambda _report: None)
    assert [denial.code for denial in report.denials] == ["profile-changed"]
    assert hashes(config) == before
