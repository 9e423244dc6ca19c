"""Makes a node's disk from the image and the provisioned files, unless the same is there already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from iamops.lab import image as rootfs
from iamops.lab import keys, provision
from iamops.lab import node as disk
from iamops.lab.node import LabNode
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabNotUp
from iamops.model.profile import DatastoreKind, Profile


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """What every node of one lab is made from."""

    image: Path
    public_key: str
    secrets: Mapping[str, str]
    ca: str = ""
    certificates: Mapping[str, keys.CertificatePair] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: Profile, paths: LabPaths, image: Path) -> BuildInputs:
        paths.state.mkdir(parents=True, exist_ok=True)
        certificates = keys.certificates_of(paths, profile)
        ca = keys.ca_of(paths) if certificates else ""
        return cls(image, keys.operator_key(paths), keys.vrrp_secrets(profile, paths), ca, certificates)


def is_current(node: LabNode, inputs: BuildInputs) -> bool:
    """Whether the node's disk was made from just these inputs and today's files."""
    digest, _, _ = _content(node, inputs)
    return _build_digest(node) == digest


def assemble(node: LabNode, inputs: BuildInputs) -> None:
    """Mounts the node's root, made anew if it was made from something else."""
    digest, entries, statements = _content(node, inputs)
    if _build_digest(node) == digest:
        disk.mount(node.own, inputs.image)
        return
    disk.delete(node.own.directory)
    disk.format_disk(node.own)
    disk.mount(node.own, inputs.image)
    rootfs.write(node.own.root, entries)
    keys.host_key(node.own.root, node.name)
    if statements:
        provision.load(node.own.root, statements)
    # Last, so that a node interrupted in the making is made again.
    node.own.build_digest.write_text(digest, encoding="ascii")


def write_known_hosts(profile: Profile, paths: LabPaths) -> None:
    """The host keys of all nodes, as the operator's SSH reads them. Their roots must be mounted."""
    found = {node.address: keys.host_key(paths.node(name).root, name) for name, node in profile.nodes.items()}
    scratch = paths.known_hosts.with_suffix(".new")
    scratch.write_text(keys.known_hosts(found), encoding="ascii")
    os.replace(scratch, paths.known_hosts)


def clear_state(paths: LabPaths) -> None:
    """Deletes all that the lab keeps. Its nodes must be gone; the lock stays, as its holder does."""
    for path in paths.state.iterdir():
        if path.is_dir():
            disk.delete(path)
        elif path != paths.lock:
            path.unlink()


def image_of(node: LabNode, cache: Path) -> Path:
    """The image beneath a node's disk. Raises LabNotUp if the node was never made."""
    digest = _build_digest(node)
    if not digest:
        raise LabNotUp(f"{node.name} was never made", "iamops lab up")
    image = cache / digest.split()[0]
    if not image.is_dir():
        raise LabNotUp(f"the image of {node.name} is gone", "iamops lab up")
    return image


def _content(node: LabNode, inputs: BuildInputs) -> tuple[str, tuple[provision.NodeEntry, ...], str]:
    """The build digest of the node's disk, the files on it, and the first statements of its MariaDB."""
    entries = provision.node_entries(node.profile, node.node, inputs.secrets, inputs.public_key)
    pair = inputs.certificates.get(node.name)
    if pair is not None:
        entries = (*entries, *keys.files(pair, inputs.ca))
    stores = provision.on_node(node.profile, node.name)
    mariadb = next((store for store in stores if store.kind is DatastoreKind.MARIADB), None)
    statements = provision.first_statements(node.profile, mariadb) if mariadb else ""
    return f"{inputs.image.name} {provision.digest(entries, statements)}", entries, statements


def _build_digest(node: LabNode) -> str:
    """That of the disk as it is; empty where there is none."""
    digest = node.own.build_digest
    return digest.read_text(encoding="ascii") if digest.exists() else ""
