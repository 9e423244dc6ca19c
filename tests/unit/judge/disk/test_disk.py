"""What a daemon would read from disk: removed, replaced and unreadable files are what they are."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.disk.keepalived import KeepalivedFiles, keepalived_unloaded, nginx_unloaded
from iamops.model.config import FileListing
from iamops.model.running import Unloaded
from tests.support.files_on_disk import KEEPALIVED, PROFILE, listing, other_files, seen


def without(was: KeepalivedFiles, *paths: str, listed: FileListing | None = None) -> KeepalivedFiles:
    return other_files(was, {path: file for path, file in was.tree.files.items() if path not in paths}, listed)


def test_a_keepalived_conf_that_nobody_may_read_is_not_gone():
    own = seen("iam-a")
    listed = own.tree.conf.listing
    assert (
        keepalived_unloaded(without(own, KEEPALIVED, listed=listed), [seen("iam-b")], "keepalived") == Unloaded()
    )
    newer = replace(listed, files={**listed.files, KEEPALIVED: 1100.0})
    found = keepalived_unloaded(without(own, KEEPALIVED, listed=newer), [seen("iam-b")], "keepalived")
    assert found == Unloaded(unknown=(f"{KEEPALIVED} was not read",))
    stopped = without(seen("iam-a", stopped=True), KEEPALIVED, listed=listed)
    assert keepalived_unloaded(stopped, [seen("iam-b")], "keepalived").unknown == (f"{KEEPALIVED} was not read",)


def test_a_removed_file_takes_its_server_with_it_though_nothing_that_is_left_is_newer():
    own, gone = seen("iam-b"), "/etc/nginx/conf.d/iam-apiserver.conf"
    left = {path: file.changed_at for path, file in own.tree.files.items() if path != gone}
    removed = without(own, gone, listed=listing(left, conf_d=1100.0))
    found = nginx_unloaded(removed, PROFILE)
    assert found.conflicts == ("no server of nginx would answer for iam.api.marmotedu.com",)
    assert found.pending == ("/etc/nginx/conf.d was changed after nginx had read it",)


def test_a_file_that_was_replaced_by_an_older_one_is_newer_all_the_same():
    own = seen("iam-b", "127.0.0.1:8080", "127.0.0.1:8081", changed_at=500.0)
    times = {path: file.changed_at for path, file in own.tree.files.items()}
    moved = other_files(own, own.tree.files, listing({**times, "/etc/nginx/nginx.conf": 1100.0}))
    assert "iam.api.marmotedu.com would be sent to 127.0.0.1:8081" in " ".join(
        nginx_unloaded(moved, PROFILE).conflicts
    )
    untimed = other_files(own, own.tree.files, FileListing())
    assert "127.0.0.1:8081" in " ".join(nginx_unloaded(untimed, PROFILE).conflicts)
