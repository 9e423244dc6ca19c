"""The deep look over a scripted transport: what fails is unknown by itself, and takes nothing else with it."""

from __future__ import annotations

import asyncio

from iamops.model.config import ConfTree
from iamops.model.inspection import ComplaintKind, JournalEventKind
from iamops.model.observed import Known, Unknown
from iamops.nodes.config import COMMANDS, LOADED, ConfigUnreadable
from iamops.nodes.history import LOG_END
from iamops.nodes.inspect import (
    ERROR_TAIL_BYTES,
    JOURNAL_LINES,
    JOURNAL_SPAN_S,
    SERVICES_LINES,
    NodeInspector,
    facts_script,
    journal_argv,
    services_argv,
)
from iamops.nodes.transport import CommandTimeout, LinkLost
from iamops.parse.journal import journal_extent_script
from tests.support.profiles import pair
from tests.support.transport import Run, ScriptedTransport

PROFILE = pair()
NODE = "iam-b"
JOURNAL = journal_argv(PROFILE, NODE)
FACTS = facts_script(PROFILE)
ERROR_LOG = ("sh", "-c", LOG_END, "errors", PROFILE.logs.error, str(ERROR_TAIL_BYTES))
LOADED_ARGV = ("sh", "-c", LOADED, "loaded", PROFILE.nginx.unit, PROFILE.keepalived.unit)
SERVICES = services_argv(PROFILE, NODE)
REFUSED = (
    b'{"MESSAGE": "2026-11-30 00:10:37.000\\tERROR\\tiam\\tuser.go:8\\tError 1290 (HY000): The MariaDB server is '
    b'running with the --read-only option", "_SYSTEMD_UNIT": "iam-apiserver.service"}\n'
)
CRASH = b'{"MESSAGE": "x.service: Main process exited, code=killed, status=9/KILL", "UNIT": "x.service"}\n'


def section(name: str, text: str, status: int = 0) -> str:
    return f"\n==iamops begin {name}==\n{text}\n==iamops end {status}==\n"


KEPT = journal_extent_script()
KEPT_SAID = (
    section("now", "5000") + section("newest", '{"__REALTIME_TIMESTAMP":"4999000000"}') + section("storage", "")
).encode()
FACTS_SAID = (
    section("files", "755 root 9 1 /etc/keepalived/check_nginx.sh")
    + section("space", "overlay 10 4 6 40% /\ndf: /nowhere: No such file or directory", 1)
    + section("inodes", "overlay 10 4 6 4% /")
    + section("links", "ip: not found", 127)
).encode()


def transport(**changed: Run) -> ScriptedTransport:
    steps = {
        "journal": Run(JOURNAL, CRASH),
        "services": Run(SERVICES, REFUSED),
        "kept": Run(KEPT, KEPT_SAID),
        "errors": Run(ERROR_LOG, b"+0000\n"),
        "facts": Run(FACTS, FACTS_SAID),
        "loaded": Run(LOADED_ARGV, b"now 1000 100\nId=nginx.service ActiveState=inactive\n"),
    } | changed
    checks = (Run(("sudo", "-n", *argv)) for argv in COMMANDS.values())
    return ScriptedTransport(NODE, *steps.values(), *checks)


async def look(scripted: ScriptedTransport):
    found = await NodeInspector(scripted, PROFILE, lambda: 5000.0).take()
    scripted.verify()
    return found


async def test_each_part_has_its_value_and_the_time_it_was_read():
    found = await look(transport())
    assert found.journal.at == 5000.0
    assert [said.kind for said in found.journal.value.entries] == [JournalEventKind.CRASHED]
    assert found.files.value["/etc/keepalived/check_nginx.sh"].mode == 0o755
    assert [disk.space_pct for disk in found.filesystems.value] == [40.0]
    assert len(found.checks.value) == 2
    assert [(each.kind, each.unit) for each in found.services.value] == [
        (ComplaintKind.MARIADB_REFUSES, "iam-apiserver")
    ]


async def test_a_tool_that_is_missing_makes_only_its_own_part_unknown():
    found = await look(transport())
    assert isinstance(found.macs, Unknown)
    assert found.macs.reason == "ip link: ip: not found"


async def test_a_journal_that_may_not_be_read_is_not_an_empty_one():
    hint = b"Hint: You are currently not seeing messages from other users and the system.\n"
    found = await look(transport(journal=Run(JOURNAL, b"", hint)))
    assert isinstance(found.journal, Unknown)
    assert "systemd-journal" in found.journal.reason


async def test_a_journal_that_is_not_kept_is_not_an_empty_one():
    none = section("now", "5000") + section("storage", "none")
    found = await look(transport(journal=Run(JOURNAL, b""), kept=Run(KEPT, none.encode())))
    assert found.journal.reason == "journald keeps no journal (Storage=none)"


async def test_the_newest_lines_are_read_and_put_in_order_and_of_many_it_is_known_since_when():
    def line(number: int) -> bytes:
        return CRASH.replace(b'"UNIT"', b'"__REALTIME_TIMESTAMP": "%d000000", "UNIT"' % number)

    few = await look(transport(journal=Run(JOURNAL, line(4990) + line(4980))))
    assert [said.at for said in few.journal.value.entries] == [4980.0, 4990.0]
    assert few.journal.value.since == 5000 - JOURNAL_SPAN_S
    many = b"".join(line(4990 - number % 1000) for number in range(JOURNAL_LINES))
    assert (await look(transport(journal=Run(JOURNAL, many)))).journal.value.since == 3991.0


async def test_an_error_log_that_cannot_be_read_says_which():
    found = await look(transport(errors=Run(ERROR_LOG, b"+0000\n", exit_status=1)))
    assert found.nginx_errors.reason == f"{PROFILE.logs.error} cannot be read"


async def test_a_command_that_hangs_leaves_the_others_alone():
    late = CommandTimeout(NODE, "no end within 4 s", "none")
    found = await look(transport(facts=Run(FACTS, error=late)))
    assert (found.files.reason, found.macs.reason) == ("no end within 4 s", "no end within 4 s")
    assert isinstance(found.journal, Known)


async def test_a_node_that_is_gone_is_unknown_and_raises_nothing():
    gone = LinkLost(NODE, "cut", "none")
    steps = [Run(argv, error=gone) for argv in (JOURNAL, KEPT, SERVICES, ERROR_LOG, FACTS, LOADED_ARGV)]
    first, *_ = (Run(("sudo", "-n", *argv), error=gone) for argv in COMMANDS.values())
    found = await look(ScriptedTransport(NODE, *steps, first))
    assert not found.any
    assert found.journal.reason == "cut"


async def read(tree: ConfTree | Exception) -> ConfTree:
    if isinstance(tree, Exception):
        raise tree
    return tree


async def look_beside(tree: ConfTree | Exception, scripted: ScriptedTransport):
    found = await NodeInspector(scripted, PROFILE, lambda: 5000.0, asyncio.ensure_future(read(tree))).take()
    scripted.verify()
    return found


async def test_when_files_were_loaded_is_not_asked_where_they_are_read_anyhow():
    steps = [Run(JOURNAL, CRASH), Run(KEPT, KEPT_SAID), Run(ERROR_LOG, b"+0000\n"), Run(FACTS, FACTS_SAID)]
    steps.append(Run(SERVICES, b""))
    checks = [Run(("sudo", "-n", *argv)) for argv in COMMANDS.values()]
    tree = ConfTree(NODE, {}, loaded_at={"nginx": 900.0})
    found = await look_beside(tree, ScriptedTransport(NODE, *steps, *checks))
    assert found.loaded.value == {"nginx": 900.0}


async def test_when_files_were_loaded_is_asked_where_they_cannot_be_read():
    found = await look_beside(ConfigUnreadable("no sudo"), transport())
    assert found.loaded.value == {}


def test_of_what_services_say_the_newest_are_read():
    assert SERVICES is not None
    assert {f"--lines={SERVICES_LINES}", "--reverse"} <= set(SERVICES)
