"""Where a profile's secrets come from: environment variables and files of the operator's machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from console.model.profile import Profile, VrrpAuth
from console.parse.redact_known import learn


class SecretMissing(Exception):
    """A secret that the profile names is not there; says which, and how to provide it."""


def vrrp_secrets(profile: Profile) -> Mapping[str, str]:
    """Passwords by VRRP instance. Raises SecretMissing; never says what a secret is."""
    return {name: _secret(name, vrrp.auth) for name, vrrp in profile.vrrp.items() if vrrp.auth is not None}


def learn_secrets(profile: Profile) -> None:
    """Has those that can be had now taken out of every text from now on; says nothing of those that cannot."""
    for name, vrrp in profile.vrrp.items():
        with contextlib.suppress(SecretMissing):
            if vrrp.auth is not None:
                _secret(name, vrrp.auth)


def _secret(instance: str, auth: VrrpAuth) -> str:
    """Whoever resolves a secret makes it known to redaction: nobody can forget that."""
    value = _resolved(instance, auth)
    learn((value,))
    return value


def _resolved(instance: str, auth: VrrpAuth) -> str:
    if auth.from_env is not None:
        value = os.environ.get(auth.from_env)
        if not value:
            raise SecretMissing(
                f"{instance}: set {auth.from_env} to the VRRP password (the profile's auth.from_env)"
            )
        return value
    path = Path(auth.from_file or "").expanduser()
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SecretMissing(f"{instance}: {path}: {why} (the profile's auth.from_file)") from None
