"""A node's files as tools print them: small, quick and plain, or refused with a reason."""

from __future__ import annotations

import io
import random
import tarfile
import tracemalloc
from collections.abc import Callable

import pytest

from iamops.model.config import DaemonCheck
from iamops.parse.config_files import (
    MAX_FILE,
    MAX_FILES,
    MAX_TOTAL,
    MOST,
    ArchiveUnreadable,
    complaints,
    conf_tree,
    push_records,
)

ALL = frozenset({"/etc/nginx/conf.d/*.conf"})
Member = tuple[tarfile.TarInfo, bytes]


def member(name: str, content: bytes = b"x", **about: object) -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in about.items():
        setattr(info, key, value)
    return info, content


def tar(*members: Member, form: int = tarfile.GNU_FORMAT) -> bytes:
    sink = io.BytesIO()
    with tarfile.TarFile(fileobj=sink, mode="w", format=form) as made:
        for info, content in members:
            made.addfile(info, io.BytesIO(content))
    return sink.getvalue()


def sparse(number: int, size: int = MAX_FILE) -> bytes:
    """512 bytes that stand for a file of any size, in the old GNU form."""
    header = bytearray(tarfile.TarInfo(f"etc/nginx/conf.d/{number}.conf").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = b"S"
    header[386:398], header[398:410] = b"%011o\0" % size, b"00000000000\0"
    header[483:495] = b"%011o\0" % size
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def long_names(count: int) -> bytes:
    """Headers that each say the next one's name: read one inside the other."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1
    return (header.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")) * count


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a bomb of sparse files": (lambda: b"".join(map(sparse, range(300))) + bytes(1024), "a file with holes"),
    "one sparse file": (lambda: sparse(1, 100) + bytes(1024), "a file with holes"),
    "sparse by a pax header": (
        lambda: tar(
            member("etc/x.conf", pax_headers={"GNU.sparse.size": "1000000000", "GNU.sparse.numblocks": "0"}),
            form=tarfile.PAX_FORMAT,
        ),
        "a file with holes",
    ),
    "many files": (
        lambda: tar(*(member(f"etc/{n}.conf", b"") for n in range(MAX_FILES + 1))),
        "more than 400 files",
    ),
    "many directories": (
        lambda: tar(*(member(f"d{n}", b"", type=b"5") for n in range(MAX_FILES + 1))),
        "more than 400",
    ),
    "much in all": (lambda: tar(*(member(f"etc/{n}.conf", bytes(MAX_FILE)) for n in range(9))), "more than 8 MiB"),
    "a deep name": (lambda: tar(member("d/" * 100 + "x.conf")), "too long or too deep"),
    "a long name": (lambda: tar(member("x" * 5000)), "too long or too deep"),
    "names of names of names": (lambda: long_names(8000) + bytes(1024), "no tar of configuration files"),
    "no tar": (lambda: b"sudo: a password is required\n" * 40, "no tar of configuration files"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_node_has_is_refused_before_it_is_unpacked(case: str):
    make, said = REFUSED[case]
    raw = make()
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveUnreadable, match=said):
            conf_tree("iam-a", raw, ALL)
        assert tracemalloc.get_traced_memory()[1] < len(raw) + 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_files_come_with_their_rights_and_nothing_else_is_a_file():
    raw = tar(
        member("etc/nginx/nginx.conf", b"events {}", mode=0o640, uname="root", gname="adm", mtime=7),
        member("etc/nginx/conf.d", b"", type=tarfile.DIRTYPE),
        member("etc/link.conf", b"", type=tarfile.SYMTYPE, linkname="/etc/shadow"),
        member("etc/fifo.conf", b"", type=tarfile.FIFOTYPE),
    )
    tree = conf_tree("iam-a", raw, ALL)
    (file,) = tree.files.values()
    assert (file.path, file.content, file.mode) == ("/etc/nginx/nginx.conf", "events {}", 0o640)
    assert (file.owner, file.group, file.changed_at) == ("root", "adm", 7.0)
    assert tree.whole == ALL


def test_a_file_that_is_too_big_is_left_out_and_nobody_says_that_all_are_there():
    raw = tar(member("etc/nginx/conf.d/geo.conf", bytes(MAX_FILE + 1)), member("etc/nginx/conf.d/a.conf"))
    tree = conf_tree("iam-a", raw, ALL)
    assert (list(tree.files), tree.whole) == (["/etc/nginx/conf.d/a.conf"], frozenset())


def test_owners_and_times_are_words_and_times_that_can_be_used():
    raw = tar(
        member("etc/x.conf", uname="root:root /etc/shadow\nput", gname="-R", uid=7, gid=8, mtime=0),
        member("etc/y.conf", pax_headers={"mtime": "1e300"}),
        form=tarfile.PAX_FORMAT,
    )
    x, y = conf_tree("iam-a", raw).files.values()
    assert (x.owner, x.group) == ("7", "8")
    assert y.changed_at is not None
    assert y.changed_at < 1e12


def test_nothing_at_all_is_no_file_at_all():
    assert conf_tree("iam-a", b"", ALL).files == conf_tree("iam-a", bytes(10240), ALL).files == {}


def test_whatever_bytes_come_they_are_read_or_refused():
    """A good archive, changed at random: no other error, and never more than was sent or is allowed."""
    rng = random.Random(16)
    good = tar(
        *(member(f"etc/nginx/conf.d/{n}.conf", b"server {}\n" * 30) for n in range(6)), form=tarfile.PAX_FORMAT
    )
    for _ in range(600):
        raw = bytearray(good)
        for _ in range(rng.choice((1, 3, 9))):
            at = rng.randrange(len(raw))
            raw[at : at + 1] = rng.choice(
                (bytes([rng.randrange(256)]), b"S", b"L", b"x", b"\x80", b"7", bytes(512))
            )
        try:
            tree = conf_tree("iam-a", bytes(raw))
        except ArchiveUnreadable:
            continue
        assert sum(len(file.content) for file in tree.files.values()) <= min(MAX_TOTAL, len(raw))


def test_pushes_are_told_whatever_a_node_writes_into_its_list():
    text = (
        "p1\tconfirmed 1700000000\t{}\np2\tconfirmed \u00b2\t{}\np3\ttaken back 1 timer\t"
        + "[" * 100_000
        + "\nodd\n"
    )
    told = {each.push: (each.outcome, each.at) for each in push_records(text)}
    assert told == {
        "p1": ("confirmed", 1700000000.0),
        "p2": ("confirmed \u00b2", None),
        "p3": ("taken back timer", 1.0),
    }
    assert len(push_records("p\tconfirmed 1\t{}\n" * 50_000)) == 1000


def test_the_sample_of_a_bomb_is_one():
    """512 bytes sent, and a MiB of zeros where it is unpacked: what the bounds are there for."""
    with tarfile.TarFile(fileobj=io.BytesIO(sparse(1) + bytes(1024))) as bomb:
        reader = bomb.extractfile(next(iter(bomb)))
        assert reader is not None
        assert len(reader.read()) == MAX_FILE


@pytest.mark.parametrize("daemon", ["nginx", "keepalived"])
def test_of_thousands_of_complaints_the_first_are_told(daemon):
    said = "".join(f"(/etc/x: Line {n}) [emerg] odd {n}\n" for n in range(5000))
    found = complaints(DaemonCheck("iam-a", daemon, 1, said))
    assert len(found) == MOST
    assert "odd 0" in found[0].message
