"""Other people's keepalived.conf: what runs as it lies there refuses nothing, and no value is invented for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from iamops.judge.disk.keepalived import KeepalivedFiles, keepalived_unloaded
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import ConfFile, ConfTree
from iamops.model.running import Unloaded
from iamops.parse.keepalived.settings import VIP_AS, running_blocks, running_settings
from tests.support.files_on_disk import CAPTURES, DUMPS, KEEPALIVED, LOADED, listing

ADDRESSES = {"iam-a": ("10.0.4.20", "10.0.4.21", 100), "iam-b": ("10.0.4.21", "10.0.4.20", 50)}
Edits = Mapping[str, str]
START = "vrrp_instance"
PREEMPTS = {"Preempt = disabled": "Preempt = enabled"}
ON_VMAC = {"Interface = eth0": "Interface = vrrp.51, vmac on eth0, xmit base i/f"}
ON_VERSION_3 = {"VRRP Version = 2": "VRRP Version = 3", "10.0.4.99 dev eth0": "fd00::99 dev eth0"}


# What the file says instead, and what keepalived's dump then tells.
OTHERS: Mapping[str, tuple[Edits, Edits]] = {
    "an IPv6 VIP without a version": ({"    10.0.4.99\n": "    fd00::99\n"}, ON_VERSION_3),
    "MASTER beside nopreempt": ({"state BACKUP": "state MASTER"}, PREEMPTS),
    "MASTER without a priority": (
        {"state BACKUP": "state MASTER", "    priority 100\n": "", "    nopreempt\n": ""},
        {**PREEMPTS, "   Priority = 100": "   Priority = 255"},
    ),
    "half a second in version 2": ({"advert_int 1": "advert_int 0.5"}, {}),
    "use_vmac": ({"interface eth0": "interface eth0\n    use_vmac\n    vmac_xmit_base"}, ON_VMAC),
    "a number in another notation": ({"virtual_router_id 51": "virtual_router_id 0x33"}, {}),
    "an address by a definition": ({START: f"$VIP=10.0.4.99\n{START}", "  10.0.4.99\n": "  $VIP\n"}, {}),
    "part of an address by one": ({START: f"$N=99\n{START}", "  10.0.4.99\n": "  10.0.4.${N}\n"}, {}),
    "a number by a definition in braces": ({START: f"$ID=51\n{START}", "id 51": "id ${ID}"}, {}),
    "a definition of several lines": (
        {
            START: f"$REST= \\\n advert_int 1 \\\n virtual_router_id 51\n{START}",
            "    nopreempt\n": "$REST\n",
            "    advert_int 1\n": "",
            "    virtual_router_id 51\n": "",
        },
        PREEMPTS,
    ),
    "settings for one node": (
        {"state BACKUP": "@iam-a state MASTER\n    @iam-b state BACKUP", "priority 100": "@iam-a priority 100"},
        {},
    ),
    "peers for one node": ({"        10.0.4.21\n": "        @^iam-a 10.0.4.20\n        @^iam-b 10.0.4.21\n"}, {}),
    "an instance for another node": ({START: f"@iam-c vrrp_instance VI_9 {{\n}}\n{START}"}, {}),
    "a part that may not be read": (
        {"    virtual_router_id 51\n": "    include local.conf\n", "    advert_int 1\n": ""},
        {},
    ),
    "a file for one node": ({START: f"@iam-c include nope.conf\n{START}"}, {}),
    "a file that is not there": ({START: f"include nope.conf\n{START}"}, {}),
    "vrrp_strict": ({START: f"global_defs {{\n vrrp_strict\n}}\n{START}"}, {}),
    "a brace too many": ({}, {}),
    "two lists of VIPs": (
        {"    virtual_ipaddress {": "    virtual_ipaddress {\n    }\n    virtual_ipaddress {"},
        {},
    ),
}


def conf(node: str) -> str:
    me, peer, priority = ADDRESSES[node]
    return f"""vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
    nopreempt
    authentication {{
        auth_type PASS
        auth_pass sesame12
    }}
    unicast_src_ip {me}
    unicast_peer {{
        {peer}
    }}
    virtual_ipaddress {{
        10.0.4.99
    }}
}}
"""


def told(node: str, file: Edits, dump: Edits, *, changed_at: float = 900.0, end: str = "") -> KeepalivedFiles:
    """A node that runs with such a file, or would."""
    text, said = conf(node), (CAPTURES / DUMPS[node]).read_text()
    for old, new in file.items():
        assert old in text, old
        text = text.replace(old, new)
    for old, new in dump.items():
        assert old in said, old
        said = said.replace(old, new)
    files = {KEEPALIVED: ConfFile(KEEPALIVED, text + end, changed_at=changed_at)}
    # What it includes lies there, and may not be read.
    listed = listing({KEEPALIVED: changed_at, "/etc/keepalived/local.conf": 900.0})
    tree = ConfTree(node, files, LOADED, listing=listed)
    # The capture has a check and notify scripts, which these files leave out.
    rest = {name: {VIP_AS: each[VIP_AS]} for name, each in running_blocks(said).items() if VIP_AS in each}
    return KeepalivedFiles(ConfigTree.of(tree), running_settings(said), rest)


def pair(kind: str, *, changed_at: float = 900.0) -> tuple[KeepalivedFiles, KeepalivedFiles]:
    file, dump = OTHERS[kind]
    end = "}\n" if kind == "a brace too many" else ""
    shared = kind.startswith(("an IPv6", "half"))
    other = told("iam-b", file if shared else {}, dump if shared else {}, end=end if shared else "")
    return told("iam-a", file, dump, changed_at=changed_at, end=end), other


@pytest.mark.parametrize("kind", OTHERS)
def test_what_keepalived_runs_with_as_it_lies_there_refuses_nothing(kind: str):
    a, b = pair(kind)
    assert keepalived_unloaded(a, [b], "keepalived") == Unloaded()
    assert keepalived_unloaded(b, [a], "keepalived") == Unloaded()


@pytest.mark.parametrize("kind", OTHERS)
def test_once_it_is_newer_what_cannot_be_evaluated_is_not_known_and_contradicts_nothing(kind: str):
    a, b = pair(kind, changed_at=1100.0)
    found = keepalived_unloaded(a, [b], "keepalived")
    assert found.conflicts == ()
    assert [each for each in found.differences if " instead of " in each or "files" not in each] == []
    assert found.unknown != ()


@pytest.mark.parametrize("kind", OTHERS)
def test_nor_does_it_contradict_where_keepalived_is_stopped_or_does_not_tell(kind: str):
    a, b = pair(kind)
    silent, stopped = replace(a, running=None, rest={}), stop(a)
    for own, other in ((b, silent), (silent, b), (stopped, b), (b, stopped), (stopped, silent)):
        assert keepalived_unloaded(own, [other], "keepalived").conflicts == ()


def stop(seen: KeepalivedFiles) -> KeepalivedFiles:
    stopped = replace(seen.tree.conf, loaded_at={}, stopped=frozenset({"keepalived"}))
    return replace(seen, tree=ConfigTree.of(stopped), running=None, rest={})


@pytest.mark.parametrize(
    "text",
    ["vrrp_instance VI_1 {\n", 'vrrp_instance VI_1 {\n state "BACKUP\n}\n', "{\n}\n", "", "vrrp_instance X {\n}"],
)
def test_however_badly_it_is_read_here_a_file_that_runs_is_what_runs(text: str):
    a, b = told("iam-a", {}, {}), told("iam-b", {}, {})
    unread = ConfFile(KEEPALIVED, text, changed_at=900.0)
    assert keepalived_unloaded(replaced(a, unread), [b], "keepalived") == Unloaded()
    assert keepalived_unloaded(b, [replaced(a, unread)], "keepalived") == Unloaded()


def replaced(seen: KeepalivedFiles, *files: ConfFile, **listed: float) -> KeepalivedFiles:
    times = {file.path: file.changed_at for file in files}
    tree = replace(seen.tree.conf, files={file.path: file for file in files}, listing=listing(times, **listed))
    return replace(seen, tree=ConfigTree.of(tree))


def test_a_mistake_in_a_file_that_nobody_touched_is_none_of_the_edited_one():
    part = "/etc/keepalived/conf.d/vi.conf"
    main = ConfFile(KEEPALIVED, "# by hand\ninclude conf.d/*.conf\n", changed_at=1100.0)
    old = ConfFile(part, 'vrrp_script x {\n script "pidof nginx\n}\n' + conf("iam-a"), changed_at=900.0)
    found = keepalived_unloaded(replaced(told("iam-a", {}, {}), main, old), [told("iam-b", {}, {})], "keepalived")
    assert (found.conflicts, found.differences) == ((), ())
    new = replace(old, changed_at=1100.0)
    found = keepalived_unloaded(replaced(told("iam-a", {}, {}), main, new), [told("iam-b", {}, {})], "keepalived")
    assert found.conflicts == (f"{part}:2: a quote that is not closed",)


def test_a_brace_too_many_in_an_edited_file_is_no_contradiction_and_is_told():
    found = keepalived_unloaded(told("iam-a", {}, {}, changed_at=1100.0, end="}\n"), [], "keepalived")
    assert found.conflicts == ()
    assert f"{KEEPALIVED}:20: a closing brace without an opening one" in found.unknown


def test_daemons_that_contradict_each_other_do_so_whatever_their_files_say():
    a = told("iam-a", {}, {})
    b = told("iam-b", {}, {"Virtual Router ID = 51": "Virtual Router ID = 52"})
    (said,) = keepalived_unloaded(a, [b], "keepalived").conflicts
    assert "virtual_router_id would differ from iam-b: 51, there 52" in said


@pytest.mark.parametrize("word", ["reload_check_config", "reload_time_file /x"])
def test_a_keepalived_that_may_have_kept_what_it_had_has_not_loaded_its_files(word: str):
    later = {"vrrp_instance": f"global_defs {{\n {word}\n}}\nvrrp_instance"}
    assert keepalived_unloaded(told("iam-a", later, {}), [], "keepalived") == Unloaded()
    other = told("iam-a", {**later, "priority 100": "priority 40"}, {})
    assert keepalived_unloaded(other, [], "keepalived").differences == ("VI_1: priority 40 instead of 100",)


def test_true_drift_is_seen_in_other_people_s_files_as_well():
    peer = told("iam-b", {}, {})
    for old, new, what in (
        ("virtual_router_id 51", "virtual_router_id 52", "virtual_router_id would differ"),
        ("auth_pass sesame12", "auth_pass another1", "the authentication would differ"),
        ("advert_int 1", "advert_int 3", "advert_int would differ"),
        ("    10.0.4.99\n", "    10.0.4.98\n", "the VIP would differ"),
        ("state BACKUP", "state MASTER\n virtual_router_id 52", ""),
    ):
        found = keepalived_unloaded(told("iam-a", {old: new}, {}, changed_at=1100.0), [peer], "keepalived")
        assert what in " ".join((*found.conflicts, *found.unknown))
        assert found.unknown != ()
