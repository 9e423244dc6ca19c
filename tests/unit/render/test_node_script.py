"""What runs as root on a node, for real: it does what it says, and nothing that it is sent makes it do more."""

from __future__ import annotations

import base64
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from iamops.parse.config_files import conf_tree, push_records
from tests.support.node_script import SCRIPT, NodeScript, archive, manifest, regular, staged, works_here

pytestmark = pytest.mark.skipif(not works_here(), reason="only root may make a mount namespace")
SHELLS = [name for name in ("dash", "bash") if shutil.which(name)]
CONF, NEW = "/etc/nginx/nginx.conf", "/etc/nginx/conf.d/new.conf"
PUTS = {CONF: "events { } # new\n", NEW: "# new\n", "/etc/keepalived/check.sh": "echo well\n"}


@pytest.fixture(params=SHELLS)
def node(request: pytest.FixtureRequest, tmp_path: Path) -> NodeScript:
    return NodeScript.made(tmp_path / "root", request.param)


def in_place(node: NodeScript, push: str = "push-1", **puts: str) -> None:
    sent = {CONF: puts.get("conf", "events { } # new\n")} if puts else PUTS
    for verb, stdin in (("stage", staged(node, sent, push=push)), ("check", b""), ("arm", b""), ("apply", b"")):
        done = node.run(verb, stdin=stdin)
        assert done.returncode == 0, (verb, done.stderr)


def test_what_is_staged_is_checked_put_in_place_and_kept(node: NodeScript):
    in_place(node)
    assert [node.at(path).read_text() for path in PUTS] == list(PUTS.values())
    assert node.at(CONF).stat().st_mode & 0o7777 == 0o644
    assert node.run("ready").returncode == 0
    assert node.run("confirm", stdin=b"push-1\n").returncode == 0
    assert node.run("confirm", stdin=b"push-1\n").returncode == 0, "asked again: the same answer"
    assert b"push-1\tconfirmed" in node.run("history").stdout
    was = conf_tree("here", node.run("fetch", stdin=b"push-1\n").stdout)
    there = {CONF, "/etc/nginx/conf.d/own.conf", "/etc/keepalived/keepalived.conf", SCRIPT}
    assert (was.files.keys(), was.files[CONF].content) == (there, "events {}\n")


@pytest.mark.parametrize("by", ["console", "timer"])
def test_what_is_taken_back_is_as_it_was_and_told(node: NodeScript, by: str):
    before = node.outside()
    in_place(node)
    assert node.run("restore", *(["timer"] if by == "timer" else [])).returncode == 0
    assert node.outside() == before
    (record,) = push_records(node.run("history").stdout.decode())
    assert (
        record.outcome_text
        == {"console": "taken back by the console", "timer": "taken back by the node's timer"}[by]
    )
    again = node.run("restore")
    assert again.returncode == 3
    assert f"push push-1 was taken back by {by} at 20".encode() in again.stderr


def test_a_file_that_a_daemon_refuses_is_refused_with_its_words(node: NodeScript):
    before = node.outside()
    assert node.run("stage", stdin=staged(node, {CONF: "broken\n"})).returncode == 0
    done = node.run("check")
    assert (done.returncode, done.stderr) == (4, b"nginx: a broken file\n")
    assert node.outside() == before


def odd_member(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def sparse() -> bytes:
    """A header that stands for a gigabyte of zeros, in the old GNU form."""
    header = bytearray(tarfile.TarInfo(f"files{NEW}").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[483:495] = b"%011o\0" % (1 << 30)
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def hostile(node: NodeScript) -> Iterator[tuple[str, bytes]]:
    """What no console sends: by what it is."""
    told = regular("manifest", manifest(node, {NEW: ""}).encode())
    file = f"files{NEW}"
    for name, kind, target in (
        ("a symbolic link", tarfile.SYMTYPE, "/etc/shadow"),
        ("a hard link", tarfile.LNKTYPE, "manifest"),
        ("a hard link outside", tarfile.LNKTYPE, "/etc/shadow"),
        ("a fifo", tarfile.FIFOTYPE, ""),
        ("a character device", tarfile.CHRTYPE, ""),
        ("a block device", tarfile.BLKTYPE, ""),
        ("a directory", tarfile.DIRTYPE, ""),
        ("a contiguous file", tarfile.CONTTYPE, ""),
    ):
        yield name, archive(told, odd_member(file, kind, target))
    link = odd_member("files/etc", tarfile.SYMTYPE, "/etc")
    yield "a file behind a link", archive(told, link, regular(file, b"x"))
    yield "a manifest that is a link", archive(odd_member("manifest", tarfile.SYMTYPE, "/etc/shadow"))
    raw = base64.decodebytes(archive(told))
    yield "a sparse file", base64.encodebytes(raw.rstrip(b"\0").ljust(1536, b"\0")[:1536] + sparse() + bytes(1024))
    yield "a pax header", archive(told, (with_pax(file), b"x"), form=tarfile.PAX_FORMAT)
    yield "a file twice", archive(told, regular(file, b"x"), regular(file, b"y"))
    yield "one file more", archive(told, regular(file, b"x"), regular("files/etc/victim/file", b"y"))
    yield "one file less", archive(told)
    yield "no manifest", archive(regular(file, b"x"))
    yield "a file from the root", archive(told, regular(NEW, b"x"))
    yield "a way out", archive(told, regular("files/../../../../etc/victim/file", b"x"))
    yield "a file that is too big", archive(told, regular(file, bytes(1024 * 1024 + 1)))
    yield "too much in all", base64.encodebytes(bytes(13 * 1024 * 1024))
    many = [regular(f"files/{number}", b"") for number in range(400)]
    yield "too many files", archive(told, *many)
    whole = base64.decodebytes(archive(told, regular(file, b"x" * 2000)))
    yield "a tar that was cut off", base64.encodebytes(whole[:2048])
    yield "something behind the end", base64.encodebytes(whole + regular("x", b"")[0].tobuf())
    yield "no base64", b"\xff\xfe*" * 100
    yield "nothing", b""


def with_pax(name: str) -> tarfile.TarInfo:
    info, content = regular(name, b"x")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.realsize": "99999999", "path": "/etc/victim/file"}
    info.size = len(content)
    return info


def test_nothing_but_plain_files_of_the_manifest_is_taken(node: NodeScript):
    before = node.outside()
    for what, sent in hostile(node):
        done = node.run("stage", stdin=sent)
        assert done.returncode in (1, 2), (what, done)
        assert node.outside() == before, what
        assert not node.has_staged, what


LINES = (
    "id ../../../../../etc/victim",
    "id second",
    "id",
    "seen - /etc/shadow",
    "put 644 root:root /etc/shadow",
    "put 644 root:root /etc/nginx/conf.d/../../shadow",
    "put 644 root:root /etc/nginx/conf.d/sub/x.conf",
    "put 644 root:root /etc/nginx/conf.d/.hidden.conf",
    "put 644 root:root /etc/nginx//nginx.conf",
    "put 644 root:root /etc/nginx/modules/x.so",
    "put 644 root:root /etc/systemd/system/a/b.service.d/iamops-config.conf",
    f"put 4755 root:root {NEW}",
    f"put 666 root:root {NEW}",
    f"put 644 --reference=/etc/shadow:root {NEW}",
    f"put 644 -R:root {NEW}",
    f"put 644 root:root  {NEW}",
    f"put 644 root:root {NEW} {NEW}",
    "drop /etc/victim/file",
    "drop /etc/nginx/conf.d/$(touch /tmp/x).conf",
    f"drop {CONF}\ndrop {CONF}",
    "daemon sshd",
    "rollback_s 5",
    "rollback_s 60 # ten more",
    "meta \x1b]0;x\x07",
    "unheard of",
    "seen - /etc/nginx/conf.d/a\x00.conf",
    "",
)


def test_no_line_of_a_manifest_reaches_further_than_the_managed_files(node: NodeScript):
    before = node.outside()
    for line in LINES:
        sent = staged(node, {}, extra=(line,))
        if line.startswith("put"):
            files = [regular("manifest", manifest(node, {}, extra=(line,)).encode()), regular(f"files{NEW}", b"x")]
            sent = archive(*files)
        done = node.run("stage", stdin=sent)
        assert done.returncode == 2, (line, done)
        assert node.outside() == before, line
        assert not node.has_staged, line


def test_a_digest_tells_nothing_of_files_that_are_not_managed(node: NodeScript):
    lines = [f"seen {digest} /etc/shadow" for digest in (node.digest("/etc/shadow"), "0" * 64, "-")]
    said = [node.run("stage", stdin=staged(node, {}, extra=(line,))) for line in lines]
    assert {(done.returncode, done.stdout, done.stderr) for done in said} == {
        (2, b"", b"/etc/shadow is not managed\n")
    }


IDS = (
    "../../../../../etc/victim", "push-1/../../..", ".", "..", "-", "a b", "push-1\nb", "$(id)", "x" * 65,
    "\u00e4", "push-1\0", "push_1", "--help",
)  # fmt: skip


@pytest.mark.parametrize("verb", ["confirm", "fetch"])
def test_no_id_leads_anywhere_else(node: NodeScript, verb: str):
    in_place(node)
    before = node.outside()
    for asked in IDS:
        done = node.run(verb, stdin=asked.encode())
        assert done.returncode in (2, 3), (asked, done)
        assert done.stdout == b""
    assert node.run("ready").returncode == 0, "it is in place, and neither kept nor taken back"
    assert node.outside() == before


def test_archives_that_were_changed_at_random_touch_nothing_that_is_not_managed(node: NodeScript):
    """Bytes, words and lines of a good one, changed: whatever passes has replaced managed files alone."""
    rng = random.Random(16)
    good, before = base64.decodebytes(staged(node, PUTS)), node.outside()
    may_change = {f"etc{path.removeprefix('/etc')}" for path in PUTS}
    for _ in range(16):
        raw = bytearray(good)
        for _ in range(rng.choice((1, 2, 8))):
            at = rng.randrange(2048)
            match rng.randrange(3):
                case 0:
                    raw[at] = rng.randrange(256)
                case 1:
                    raw[at : at + 2] = rng.choice((b"..", b"\n/", b" -", b"S5", b"\0\0", b"7\n"))
                case 2:
                    cut = rng.randrange(64)
                    raw[at : at + cut] = raw[rng.randrange(2048) :][:cut].ljust(cut, b"\0")
        done = node.run("stage", stdin=base64.encodebytes(bytes(raw)))
        assert done.returncode in (0, 1, 2, 3), done
        assert node.outside() == before
        if done.returncode == 0 and node.run("arm").returncode == 0:
            node.run("apply")
            now = node.outside()
            assert {path for path in before | now if before.get(path) != now.get(path)} <= may_change
            node.run("restore")
            assert node.outside() == before


def test_whoever_sends_nothing_holds_up_nobody(node: NodeScript):
    """A way back that waits for the lock of a stage without an end would never come."""
    in_place(node)
    silent = subprocess.Popen(
        node.command("stage"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert silent.stdin is not None
        silent.stdin.write(b"AAAA")
        silent.stdin.flush()
        assert node.run("restore", "timer").returncode == 0
        assert silent.poll() is None, "it still waits for the rest"
        assert b"taken back" in node.run("history").stdout
    finally:
        silent.kill()
        silent.communicate()


def test_a_callers_small_limits_do_not_cut_a_replacement(node: NodeScript):
    node.write("/run/limit", "ulimit -S -f 1; ulimit -S -t 30\n")
    assert node.run("stage", stdin=staged(node, {CONF: "# long\n" * 9000})).returncode == 0
    assert node.run("arm").returncode == 0
    assert node.run("apply").returncode == 0
    assert node.at(CONF).read_text() == "# long\n" * 9000


def test_a_push_of_the_same_name_with_other_files_there_has_no_way_back_and_is_refused(node: NodeScript):
    in_place(node)
    assert node.run("confirm").returncode == 0
    before = node.outside()
    assert node.run("stage", stdin=staged(node, {CONF: "events { } # again\n"})).returncode == 0
    assert node.run("arm").returncode == 0
    done = node.run("apply")
    assert (done.returncode, done.stderr) == (
        3,
        b"push push-1 was here before, and found other files: push again\n",
    )
    assert node.outside() == before


def odd_files(node: NodeScript) -> Iterator[tuple[str, str]]:
    """Files in a managed place that root should not open, one at a time; and what is said of them."""
    target = node.at(NEW)
    os.mkfifo(target)
    yield "a fifo", "is no regular file: move it away"
    target.unlink()
    target.mkdir()
    yield "a directory", "is no regular file: move it away"
    target.rmdir()
    node.at("/etc/nginx/conf.d/own.conf").parent.chmod(0o775)
    target.symlink_to("/etc/shadow")
    yield "a link where others can write", "leads to /etc/shadow, and others than root can change where"
    target.unlink()
    os.link(node.at("/etc/shadow"), target)
    yield "a hard link where others can write", "is a hard link where others than root can write"
    target.unlink()
    node.at("/etc/nginx/conf.d/own.conf").parent.chmod(0o755)
    node.write("/tmp/theirs", "x")
    target.symlink_to("/tmp/theirs")
    yield "a link to where others can write", "leads to /tmp/theirs, and others than root can change where"
    target.unlink()


def test_root_opens_only_what_nobody_else_can_choose(node: NodeScript):
    for what, said in odd_files(node):
        read = node.run("read")
        assert (read.returncode, read.stdout) == (3, b""), what
        assert said in read.stderr.decode(), what
        seen = node.run("stage", stdin=staged(node, {}, extra=(f"seen {'0' * 64} {NEW}",)))
        assert (seen.returncode, seen.stderr) == (3, read.stderr), what
    assert list((node.root / "run").glob("iamops-config.*")) == [], "nothing is left behind"


def test_a_file_that_is_too_big_is_not_copied(node: NodeScript):
    with node.at("/etc/nginx/conf.d/own.conf").open("wb") as file:
        file.truncate(1 << 40)
    read = node.run("read")
    assert (read.returncode, read.stderr) == (3, b"the managed files have more than 8388608 bytes\n")
    told = f"seen {'0' * 64} /etc/nginx/conf.d/own.conf"
    assert node.run("stage", stdin=staged(node, {}, extra=(told,))).returncode == 1


def test_a_link_that_only_root_can_have_made_is_followed(node: NodeScript):
    node.write("/etc/nginx/sites/x", "server { } # there\n")
    (node.root / "etc/nginx/sites").chmod(0o755)
    node.at(NEW).symlink_to("../sites/x")
    assert b"# there" in node.run("read").stdout


def test_a_directory_that_is_a_link_is_not_written_through(node: NodeScript):
    """The check lays new files over a copy of the tree: behind a link it would meet the live one."""
    directory = node.root / "etc/nginx/conf.d"
    shutil.move(directory, node.root / "etc/elsewhere")
    directory.symlink_to("/etc/elsewhere")
    before = node.outside()
    done = node.run("stage", stdin=staged(node, {NEW: "# new\n"}))
    assert (done.returncode, done.stderr) == (3, b"/etc/nginx/conf.d is a link: make it a directory\n")
    assert node.outside() == before


def test_a_state_directory_of_others_is_refused(node: NodeScript):
    (node.root / "lib/iamops").mkdir()
    (node.root / "lib/iamops").chmod(0o777)
    done = node.run("stage", stdin=staged(node, PUTS))
    assert done.returncode == 1
    assert b"others than root can change it; chown root and chmod go-w" in done.stderr


def test_verbs_and_words_that_are_not_known_do_nothing(node: NodeScript):
    before = node.outside()
    for words in (
        ("stage", "x"),
        ("restore", "x"),
        ("restore", "timer", "x"),
        ("", ""),
        ("../x",),
        ("apply", "timer"),
    ):
        assert node.run(*words).returncode == 2, words
    assert node.outside() == before
