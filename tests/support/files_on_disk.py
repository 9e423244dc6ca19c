"""A node's files and what its daemons run with: the pair as it was captured, and single changes to it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from iamops.judge.disk.keepalived import KeepalivedFiles
from iamops.judge.lint.tree import ConfigTree
from iamops.model.config import ConfFile, ConfTree, FileListing
from iamops.parse.keepalived.settings import running_blocks, running_settings
from iamops.render.nodefiles import render_node
from tests.support.profiles import unicast_pair

CAPTURES = Path(__file__).parents[1] / "fixtures" / "keepalived"
PROFILE = unicast_pair()
KEEPALIVED, NGINX = "/etc/keepalived/keepalived.conf", "/etc/nginx/nginx.conf"
DUMPS = {"iam-a": "2.2.7-master.data", "iam-b": "2.2.7-backup.data"}
LOADED = {"keepalived": 1000.0, "nginx": 1000.0}


def seen(
    node: str,
    old: str = "",
    new: str = "",
    *,
    changed_at: float = 900.0,
    dump: str | None = "",
    stopped: bool = False,
) -> KeepalivedFiles:
    """A node as it is rendered and runs, with one replacement in its files. `dump` None: it does not tell."""
    rendered = render_node(PROFILE, node, {"VI_1": "sesame12"})
    files = {}
    for file in rendered:
        text = file.content.replace(old, new) if old else file.content
        at = changed_at if text != file.content else 900.0
        files[file.path] = ConfFile(file.path, text, changed_at=at)
    text = (CAPTURES / DUMPS[node]).read_text() if dump == "" else dump
    running = None if text is None or stopped else running_settings(text)
    conf = ConfTree(node, files, LOADED, listing=listing({path: file.changed_at for path, file in files.items()}))
    if stopped:
        conf = replace(conf, loaded_at={"nginx": LOADED["nginx"]}, stopped=frozenset({"keepalived"}))
    return KeepalivedFiles(
        ConfigTree.of(conf), running, running_blocks(text) if running is not None and text else {}
    )


def listing(times: Mapping[str, float | None], **changed: float) -> FileListing:
    """Everything listed whole, as if made at 900; `changed`: the last part of a directory's name -> its time."""
    parents = {posixpath.dirname(path) for path in times} | {"/etc/nginx", "/etc/keepalived"}
    directories = {each: changed.get(posixpath.basename(each).replace(".", "_"), 900.0) for each in parents}
    files = {path: at for path, at in times.items() if at is not None}
    return FileListing(files, directories, {}, frozenset(directories))


def other_files(
    was: KeepalivedFiles, files: Mapping[str, ConfFile], listed: FileListing | None = None
) -> KeepalivedFiles:
    """The same node with other files; by default they are what is listed, too."""
    listed = listed or listing({path: file.changed_at for path, file in files.items()})
    return replace(was, tree=ConfigTree.of(replace(was.tree.conf, files=files, listing=listed)))


def one_nginx_conf(
    text: str, changed_at: float = 1100.0, *, listed: Mapping[str, float] | None = None
) -> KeepalivedFiles:
    """keepalived checks nothing."""
    main, was = ConfFile(NGINX, text, changed_at=changed_at), replace(seen("iam-b"), rest={})
    return other_files(was, {NGINX: main}, listing({NGINX: changed_at, **(listed or {})}))
