"""nginx's files after an edit that a reload would load."""

from __future__ import annotations

from dataclasses import replace

from iamops.judge.disk.keepalived import KeepalivedFiles
from iamops.model.config import ConfFile
from tests.support.files_on_disk import listing, other_files, seen


def edited(old: str, new: str, added: str = "", *, node: str = "iam-a", at: float = 1100.0) -> KeepalivedFiles:
    was = seen(node)
    files = {}
    for path, file in was.tree.files.items():
        content = file.content.replace(old, new)
        files[path] = replace(file, content=content, changed_at=at if content != file.content else 900.0)
    if added:
        files["/etc/nginx/conf.d/00-stray.conf"] = ConfFile(
            "/etc/nginx/conf.d/00-stray.conf", added, changed_at=at
        )
    conf_d = 1100.0 if added and at == 1100.0 else 900.0
    return other_files(was, files, listing({p: f.changed_at for p, f in files.items()}, conf_d=conf_d))
