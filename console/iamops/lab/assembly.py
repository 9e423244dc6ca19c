"""Makes a node's disk from the image and the provisioned files, unless the same is there already."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from iamops.lab import image as rootfs
from iamops.lab import keys, provision
from iamops.lab import node as disk
from iamops.lab import node as trees
from iamops.lab.node import LabNode
from iamops.lab.place import LabPaths
from iamops.lab.processes import LabNotUp
from iamops.model.profile import DatastoreKind, Profile


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What every node of one lab is made from."""

    image: Path
    public_key: str
    secrets: Mapping[str, str]
    ca: str = ""
    papers: Mapping[str, keys.Papers] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: Profile, place: LabPaths, image: Path) -> Ingredients:
        place.state.mkdir(parents=True, exist_ok=True)
        papers = keys.papers_of(place, profile)
        ca = keys.ca_of(place) if papers else ""
        return cls(image, keys.operator_key(place), keys.vrrp_secrets(profile, place), ca, papers)


def is_current(node: LabNode, ingredients: Ingredients) -> bool:
    """Whether the node's disk was made from just these ingredients and today's files."""
    return _recipe(node) == _made_from(ingredients, _entries(node, ingredients), _statements(node))


def assemble(node: LabNode, ingredients: Ingredients) -> None:
    """Mounts the node's root, made anew if it was made from something else."""
    entries, statements = _entries(node, ingredients), _statements(node)
    made_from = _made_from(ingredients, entries, statements)
    if _recipe(node) == made_from:
        disk.mount(node.own, ingredients.image)
        return
    trees.delete(node.own.directory)
    disk.format_disk(node.own)
    disk.mount(node.own, ingredients.image)
    rootfs.write(node.own.root, entries)
    keys.host_key(node.own.root, node.name)
    if statements:
        provision.load(node.own.root, statements)
    # Last, so that a node interrupted in the making is made again.
    node.own.build_digest.write_text(made_from, encoding="ascii")


def write_known_hosts(profile: Profile, place: LabPaths) -> None:
    """The host keys of all nodes, as the operator's SSH reads them. Their roots must be mounted."""
    found = {node.address: keys.host_key(place.node(name).root, name) for name, node in profile.nodes.items()}
    scratch = place.known_hosts.with_suffix(".new")
    scratch.write_text(keys.known_hosts(found), encoding="ascii")
    os.replace(scratch, place.known_hosts)


def forget_strangers(profile: Profile, place: LabPaths) -> None:
    """Throws away the disks of nodes the profile no longer has."""
    for directory in (place.state / "nodes").glob("*"):
        if directory.name not in profile.nodes:
            trees.delete(directory)


def clear_place(place: LabPaths) -> None:
    """Deletes all that the lab keeps. Its nodes must be gone; the lock stays, as its holder does."""
    for path in place.state.iterdir():
        if path.is_dir():
            trees.delete(path)
        elif path != place.lock:
            path.unlink()


def image_of(node: LabNode, cache: Path) -> Path:
    """The image beneath a node's disk. Raises LabNotUp if the node was never made."""
    recipe = _recipe(node)
    if not recipe:
        raise LabNotUp(f"{node.name} was never made", "iamops lab up")
    image = cache / recipe.split()[0]
    if not image.is_dir():
        raise LabNotUp(f"the image of {node.name} is gone", "iamops lab up")
    return image


def _entries(node: LabNode, ingredients: Ingredients) -> tuple[provision.Entry, ...]:
    papers = ingredients.papers.get(node.name)
    own = keys.files(papers, ingredients.ca) if papers is not None else ()
    return (
        *provision.node_entries(node.profile, node.node, ingredients.secrets, ingredients.public_key),
        *own,
    )


def _made_from(ingredients: Ingredients, entries: tuple[provision.Entry, ...], statements: str) -> str:
    return f"{ingredients.image.name} {provision.digest(entries, statements)}"


def _statements(node: LabNode) -> str:
    stores = provision.on_node(node.profile, node.name)
    mariadb = next((store for store in stores if store.kind is DatastoreKind.MARIADB), None)
    return provision.first_statements(node.profile, mariadb) if mariadb else ""


def _recipe(node: LabNode) -> str:
    recipe = node.own.build_digest
    return recipe.read_text(encoding="ascii") if recipe.exists() else ""
