"""The daemons themselves read every specimen, with their own tests of a configuration."""

from __future__ import annotations

import io
import tarfile

import pytest

from tests.lab.conftest import LabForTests
from tests.support.specimens import Specimen, specimens

WORK = "/run/iamops-specimens"
# Each in a mount namespace of its own, where its files stand at their usual place. There are two interfaces, and
# the programs that checks name and no distribution has.
ASK = f"""
mkdir /run/iamops-programs
for name in ask tell; do ln -s /usr/bin/true /run/iamops-programs/$name; done
mount --bind /run/iamops-programs /usr/local/bin
ip link add eth0 type veth peer name eth1
cd {WORK}
for name in *; do
  unshare --mount sh -c 'mount --bind "$1/etc/$2" "/etc/$2" && shift 2 && exec "$@"' - "$PWD/$name" "$@" \
    >/run/said 2>&1 </dev/null
  printf '@specimen %s %s\\n' "$name" "$?"; tail -c 2000 /run/said
done
rm -r /run/iamops-programs
"""
TEST = {
    "keepalived": ("keepalived", "keepalived", "-t", "-l", "-f", "/etc/keepalived/keepalived.conf"),
    "nginx": ("nginx", "nginx", "-t"),
}
# keepalived's own: 6 is a script it does not trust, which is not there either.
ACCEPTED = {"keepalived": {0, 6}, "nginx": {0}}


@pytest.mark.parametrize("daemon", TEST)
def test_the_daemon_says_of_every_specimen_what_is_written_there(lab: LabForTests, daemon: str):
    judged = specimens(daemon)
    answers = asked(lab, daemon, judged)
    assert answers.keys() == judged.keys()
    wrong = {
        name: f"should be: {judged[name].daemon}; {status}: {said[-300:]}"
        for name, (status, said) in answers.items()
        if not judged[name].reason and (status in ACCEPTED[daemon]) != (judged[name].daemon == "accepts")
    }
    assert wrong == {}


def asked(lab: LabForTests, daemon: str, judged: dict[str, Specimen]) -> dict[str, tuple[int, str]]:
    """Exit status and words of the node's daemon, by specimen."""
    node = next(iter(lab.profile.nodes))
    lab.must(node, ["sh", "-c", f"rm -rf {WORK} && mkdir {WORK}"])
    unpacked = lab.exec(node, ["tar", "-x", "-C", WORK], stdin=packed(judged, daemon))
    assert unpacked.returncode == 0, unpacked.stderr
    argv = ["unshare", "--mount", "--net", "sh", "-c", ASK, "-", *TEST[daemon]]
    done = lab.exec(node, argv, timeout_s=120)
    lab.must(node, ["rm", "-r", WORK])
    answers = {}
    for part in done.stdout.decode(errors="replace").split("@specimen ")[1:]:
        head, _, said = part.partition("\n")
        name, status = head.split()
        answers[name] = (int(status), said)
    return answers


def packed(judged: dict[str, Specimen], daemon: str) -> bytes:
    """The files of each specimen's first node, below its name."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, specimen in judged.items():
            directory = tarfile.TarInfo(f"{name}/etc/{daemon}")
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(directory)
            for path, file in specimen.trees[0].files.items():
                content = file.content.encode("utf-8", "surrogateescape")
                member = tarfile.TarInfo(f"{name}{path}")
                member.size, member.mode = len(content), file.mode or 0o644
                tar.addfile(member, io.BytesIO(content))
    return whole.getvalue()
