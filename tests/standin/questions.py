"""What the console asks a node, by name; and commands that answer as those of a healthy node do."""

from __future__ import annotations

import shutil
from pathlib import Path

# The first that is in the command names the question; what is in none of them is named by its first word.
QUESTIONS = (
    ("addresses as they change", "ip -ts -o monitor"),
    ("the journal as it is written", "--follow"),
    ("log files as they are written", "exec tail"),
    ("the access log", "IFS="),
    ("addresses and units", "ip -o addr show"),
    ("load, memory, disk, clock", "/proc/loadavg"),
    ("files, disks, interfaces", "stat --dereference"),
    ("locks and undos", "==locks"),
    ("turns", "*FLOCK*READ*"),
    ("alarm", "flock -s -n"),
    ("whether keepalived runs", "is-active"),
    ("keepalived's signal", "signum=JSON"),
    ("how keepalived does", "PrivateTmp"),
    ("to write a dump", "before=$(stat"),
    ("keepalived's dump", "if=/tmp/keepalived.json"),
    ("keepalived's data dump", "if=/tmp/keepalived.data"),
    ("when files were loaded", "ExecMainStartTimestampMonotonic"),
    ("units", "systemctl show"),
    ("stamps of files", "stat --format=%n"),
    ("managed files", "iamops-config read"),
    ("pushes so far", "iamops-config history"),
    ("readable files", "-readable -size"),
    ("named files", "--no-recursion"),
    ("what lies where", "-maxdepth"),
    ("nginx -t", "nginx -t"),
    ("keepalived -t", "keepalived -t"),
    ("the error log", "tail -c"),
    ("the journal", "journalctl"),
    ("the time zone", "date +%z"),
)
DUMP = (
    '[{"data":{"iname":"VI_1","state":%d,"base_priority":%d,"effective_priority":%d,"last_transition":%f},'
    '"stats":{}}]'
)
_UNIT = (
    "Id=%s.service\\nLoadState=loaded\\nActiveState=active\\nSubState=running\\nNRestarts=0\\nMainPID=%s\\n"
    "StateChangeTimestampMonotonic=5000000\\nExecMainStartTimestampMonotonic=5000000\\n\\n"
)
FILES = {
    "etc/nginx/nginx.conf": "events {}\nhttp {\n    include conf.d/*.conf;\n}\n",
    "etc/nginx/conf.d/iam.conf": "server {\n    listen 80;\n    server_name iam.example;\n}\n",
    "etc/keepalived/keepalived.conf": "vrrp_instance VI_1 {\n    state BACKUP\n    virtual_router_id 51\n}\n",
}
_STUBS = {
    "ip": """case "$*" in
*monitor*) exec sleep 600;;
*link*) echo '2: eth0: <UP> mtu 1500 link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff';;
*) echo "2: eth0    inet $STANDIN_ADDRESS/24 scope global eth0"
   [ -z "$STANDIN_VIP" ] || echo "2: eth0    inet $STANDIN_VIP/32 scope global eth0";;
esac""",
    "systemctl": f"""case "$1" in
is-active) echo active;;
show) case "$*" in
  *--value*) echo 100;;
  *"-p SubState "*.timer) [ -e "$STANDIN_STATE/$4" ] && echo SubState=waiting;;
  *.timer) [ -e "$STANDIN_STATE/$3" ] && echo ActiveState=active || echo ActiveState=inactive;;
  *) for each; do case $each in
    *.service) printf '{_UNIT}' "${{each%.service}}" "$(cat "$STANDIN_STATE/$each" 2>/dev/null || echo 100)";;
    esac; done;;
  esac;;
stop) rm -f "$STANDIN_STATE/$2";;
restart) echo $$ >"$STANDIN_STATE/$2";;
esac""",
    "systemd-run": """for each; do
case $each in --unit=*) : >"$STANDIN_STATE/${each#--unit=}.timer";; esac; done""",
    # Both nodes are this machine: each has a lock of its own on /run, and sees nobody else's.
    "flock": f"""case "$*" in *" /run "*) for each; do
shift; [ "$each" != /run ] || each=$STANDIN_STATE; set -- "$@" "$each"; done;; esac
exec {shutil.which("flock")} "$@" """,
    "stat": f"""case "$*" in "-c %i /run") echo none;; *) exec {shutil.which("stat")} "$@";; esac""",
    "journalctl": """case "$*" in *--follow*) exec sleep 600;; esac
echo '{"MESSAGE":"(VI_1) Entering BACKUP STATE","_SYSTEMD_UNIT":"keepalived.service"}'""",
    "sudo": """ulimit -S -f unlimited; while :; do case "$1" in -*) shift;; *) break;; esac; done
command=${1##*/}; shift; exec "$command" "$@" """,
    "nginx": """echo 'nginx: configuration file /etc/nginx/nginx.conf test is successful' >&2""",
    "keepalived": """case "$*" in *signum*) echo 36;; esac""",
    "iamops-config": """case "$1" in read) exec tar -cf - -C "$STANDIN_FILES" etc;; esac""",
    "ps": ":",
    # All that a stand-in starts is of one group, and ends with it.
    "setsid": """exec "$@" """,
}


def question_of(command: str) -> str:
    """The name of what a command line asks."""
    return next((name for name, sign in QUESTIONS if sign in command), f"other: {command.rpartition(' ')[2][:40]}")


def write_stubs(path: Path) -> Path:
    """Commands that come before the machine's own in PATH; returns the directory."""
    path.mkdir()
    for name, text in _STUBS.items():
        stub = path / name
        stub.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        stub.chmod(0o755)
    return path


def write_files(path: Path) -> Path:
    """A node's configuration, as the node's own script hands it out; returns where it lies."""
    for name, text in FILES.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return path
