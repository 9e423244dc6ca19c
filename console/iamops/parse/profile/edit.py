"""Edits a profile's text: one service's backends change, every comment and the order of everything stay. Pure."""

from __future__ import annotations

from enum import StrEnum
from io import StringIO
from typing import Any

from iamops.model.profile import Profile, Service


class BackendEdit(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    DRAIN = "drain"
    ENABLE = "enable"


class EditRefused(Exception):
    """The edit makes no sense for this profile; says why and what would."""


def edit_backends(text: str, profile: Profile, edit: BackendEdit, service: str, backend: str) -> str:
    """The text with the edit. Raises EditRefused. `backend` is a node's name, or host:port."""
    known = profile.services.get(service)
    if known is None:
        raise EditRefused(f"no service {service!r}; there are: {', '.join(profile.services)}")
    if known.domain is None:
        raise EditRefused(f"{service} has no domain: nginx does not publish it, so it has no upstream")
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    lists = _after(profile, known, edit, backend)
    document = yaml.load(text)
    for key, names in lists.items():
        _put(document["services"][service], key, names)
    sink = StringIO()
    yaml.dump(document, sink)
    return sink.getvalue()


def _after(profile: Profile, service: Service, edit: BackendEdit, backend: str) -> dict[str, list[str]]:
    """key -> the list it has afterwards."""
    there = profile.backends_of(service)
    if edit is BackendEdit.ADD:
        if backend in there or backend in there.values():
            raise EditRefused(f"{backend} is a backend of {service.name} already")
        if backend in profile.nodes:
            return {"nodes": [*(service.nodes or ()), backend]}
        if ":" not in backend:
            known = ", ".join(profile.nodes)
            raise EditRefused(f"expected a node ({known}) or an address with a port, found {backend!r}")
        return {"backends": [*service.backends, backend]}
    if backend not in there:
        raise EditRefused(f"{backend!r} is no backend of {service.name}; there are: {', '.join(there)}")
    drained = backend in service.drained
    others = [name for name in service.drained if name != backend]
    if edit is not BackendEdit.REMOVE:
        if drained == (edit is BackendEdit.DRAIN):
            raise EditRefused(f"{backend} of {service.name} is {'drained' if drained else 'not drained'} already")
        return {"drained": others if drained else [*others, backend]}
    if len(there) == 1:
        raise EditRefused(f"{backend} is the last backend of {service.name}: remove the service instead")
    # A backend that is removed is not drained any more.
    undrained = {"drained": others} if drained else {}
    if backend not in profile.nodes:
        return {"backends": [name for name in service.backends if name != backend], **undrained}
    nodes = [name for name in profile.nodes if service.runs_on(name) and name != backend]
    return {"nodes": nodes, **undrained}


def _put(entry: Any, key: str, names: list[str]) -> None:
    """An existing list keeps its own form and comments; a new one is written in one line."""
    from ruamel.yaml.comments import CommentedSeq

    # Without a line for its nodes a service runs on all of them.
    if not names and key != "nodes":
        entry.pop(key, None)
        return
    if key not in entry:
        entry[key] = CommentedSeq(names)
        entry[key].fa.set_flow_style()
        return
    listed = entry[key]
    for name in [name for name in listed if name not in names]:
        listed.remove(name)
    listed.extend(name for name in names if name not in listed)
