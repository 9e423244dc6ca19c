"""The lab's own secrets: the operator's SSH key, the nodes' host keys, the VRRP password."""

from __future__ import annotations

import os
import secrets
import string
from collections.abc import Mapping
from pathlib import Path

from console.lab.command import run
from console.lab.place import Place
from console.model.profile import Profile

# keepalived compares eight characters of auth_pass and cuts the rest off (keepalived.conf(5)).
VRRP_SECRET_LENGTH = 8
HOST_KEY = "etc/ssh/ssh_host_ed25519_key"


def operator_key(place: Place) -> str:
    """The operator's public key; the pair is made on first use."""
    if not place.key.exists():
        _generate(place.key, "operator of the iamops lab")
    return place.key.with_suffix(".pub").read_text(encoding="utf-8")


def vrrp_secrets(profile: Profile, place: Place) -> Mapping[str, str]:
    """The password of every VRRP instance that has one: the same for all, made once."""
    if not place.vrrp_secret.exists():
        alphabet = string.ascii_letters + string.digits
        secret = "".join(secrets.choice(alphabet) for _ in range(VRRP_SECRET_LENGTH))
        _write_secret(place.vrrp_secret, secret + "\n")
    secret = place.vrrp_secret.read_text(encoding="utf-8").strip()
    return {name: secret for name, instance in profile.vrrp.items() if instance.auth}


def host_key(root: Path, node: str) -> str:
    """The public host key of the node with this root; the pair is made on first use."""
    path = root / HOST_KEY
    if not path.exists():
        _generate(path, node)
    return path.with_suffix(".pub").read_text(encoding="utf-8")


def known_hosts(host_keys: Mapping[str, str]) -> str:
    """The content of a known_hosts file, from addresses to public keys."""
    lines = (f"{address} {' '.join(key.split()[:2])}\n" for address, key in host_keys.items())
    return "".join(lines)


def _generate(path: Path, comment: str) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def _write_secret(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
