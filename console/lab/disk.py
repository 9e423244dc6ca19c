"""A node's disk: an ext4 in a sparse file, and on it the layer over the shared image."""

from __future__ import annotations

from pathlib import Path

from console.lab.command import run
from console.lab.place import NodePlace

SIZE = "1G"


def format_disk(place: NodePlace) -> None:
    """Makes an empty disk. The node must be unmounted."""
    place.directory.mkdir(parents=True, exist_ok=True)
    place.disk_image.unlink(missing_ok=True)
    run(["truncate", "-s", SIZE, str(place.disk_image)])
    # No journal and no reserve: nobody boots this disk twice in anger, and "full" should mean full.
    run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", str(place.disk_image)])


def mount(place: NodePlace, image: Path) -> None:
    """Mounts the disk and the root over it; what is mounted already stays."""
    place.disk.mkdir(exist_ok=True)
    place.root.mkdir(exist_ok=True)
    if not place.disk.is_mount():
        run(["mount", "-o", "loop,discard", str(place.disk_image), str(place.disk)])
    if not place.root.is_mount():
        upper, work = place.disk / "upper", place.disk / "work"
        upper.mkdir(exist_ok=True)
        work.mkdir(exist_ok=True)
        layers = f"lowerdir={image},upperdir={upper},workdir={work}"
        run(["mount", "-t", "overlay", "overlay", "-o", layers, str(place.root)])
