"""Faults on the disk: full, or with files that are not what was rendered."""

from __future__ import annotations

from console.lab.bench import Aim, Bench
from console.model.config import KEEPALIVED_CONF

FILLER = "/var/tmp/iamops-lab-filler"  # noqa: S108 - on the node, made and removed by root
LEFT_TO_WRITE = 16 << 20
BROKEN_NGINX_CONFIG = "/etc/nginx/conf.d/zz-lab-broken.conf"
BROKEN_UPSTREAM = "upstream lab-broken {\n    server 127.0.0.1:8080\n}\n"
SAVED = ".before-fault"


def fill_disk(bench: Bench, aim: Aim) -> None:
    """Takes every free block. The disk is a bounded image file that stays sparse: nothing else fills."""
    free = int(bench.must(aim.at, ["df", "--output=avail", "--block-size=1", "/"]).split()[-1])
    if free > LEFT_TO_WRITE:
        bench.must(aim.at, ["fallocate", "--length", str(free - LEFT_TO_WRITE), FILLER])
    # fallocate needs blocks of its own and cannot use the very last ones; a writer can.
    bench.must(aim.at, ["sh", "-c", f"cat /dev/zero >> {FILLER}.rest 2>/dev/null || :"])


def empty_disk(bench: Bench, aim: Aim) -> None:
    bench.must(aim.at, ["rm", "-f", FILLER, f"{FILLER}.rest"])


def change_keepalived_config(bench: Bench, aim: Aim) -> None:
    """The priority on the disk becomes 77; the running daemon keeps its own."""
    script = f"[ -e {KEEPALIVED_CONF}{SAVED} ] || cp -p {KEEPALIVED_CONF} {KEEPALIVED_CONF}{SAVED}"
    bench.must(aim.at, ["sh", "-euc", script])
    bench.must(aim.at, ["sed", "-i", "-E", r"s/^(\s*priority\s+)[0-9]+/\177/", KEEPALIVED_CONF])


def restore_keepalived_config(bench: Bench, aim: Aim) -> None:
    saved = KEEPALIVED_CONF + SAVED
    bench.must(aim.at, ["sh", "-euc", f"[ ! -e {saved} ] || mv -f {saved} {KEEPALIVED_CONF}"])


def break_nginx_config(bench: Bench, aim: Aim) -> None:
    bench.must(aim.at, ["sh", "-euc", f"cat > {BROKEN_NGINX_CONFIG}"], stdin=BROKEN_UPSTREAM)


def restore_nginx_config(bench: Bench, aim: Aim) -> None:
    bench.must(aim.at, ["rm", "-f", BROKEN_NGINX_CONFIG])
