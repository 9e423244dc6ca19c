"""A bundle of a real pair that was seeded with secrets: none of them is in it, and each place is named."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import secrets
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import zstandard

from iamops.judge.findings import Diagnosis
from iamops.ledger.audit import Audit
from iamops.model.state import ClusterState
from iamops.session.bundle.bundle import BundleReport, write_bundle
from iamops.session.profiles import vrrp_secrets
from iamops.session.triage.triage import Examination
from tests.lab.conftest import LabForTests

NOW = 1_795_600_000.0
NODE = "iam-a"
KEPT = "/root/bundle-test"
ACCESS, ERROR, SERVICE = "/var/log/nginx/access.log", "/var/log/nginx/error.log", "/var/log/iam/iam-apiserver.log"
UNIT_FILE = "/etc/systemd/system/iam-pump.service.d/bundle-test.conf"
CLEAN = 'grep -av "seed-[0-9a-f]*-[0-9][0-9]" "$1" >"$1.clean"; cat "$1.clean" >"$1"; rm "$1.clean"'


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@dataclass
class Seeds:
    """Lines with a secret in each, by the file they go to. Every line has a tag of its own beside its secret."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(4))
    # Journals keep the lines of earlier runs.
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    secrets: dict[str, str] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)
    below: set[str] = field(default_factory=set)

    def plant(self, where: str, line: str, *, below: bool = False, secret: str = "") -> str:
        """`{}` in the line is the secret, `§` its tag. `below`: it stands on the next line. Returns the secret."""
        tag = f"seed-{self.run}-{len(self.secrets):02d}"
        secret = secret or f"Mk{len(self.secrets):02d}Z{self.nonce}q{secrets.token_hex(6)}"
        self.secrets[tag] = secret
        self.lines.setdefault(where, []).append(line.replace("§", tag).replace("{}", secret))
        if below:
            self.below.add(tag)
        return secret


def planted(vrrp: str) -> Seeds:
    seeds = Seeds()
    in_config(seeds)
    in_logs(seeds)
    in_journal(seeds, vrrp)
    return seeds


def in_config(seeds: Seeds) -> None:
    keepalived, nginx = "/etc/keepalived/keepalived.conf", "/etc/nginx/nginx.conf"
    site, users = "/etc/nginx/conf.d/bundle-test.conf", "/etc/nginx/bundle-test.htpasswd"
    yaml, ini, env = "/etc/iam/bundle-test.yaml", "/etc/iam/bundle-test.ini", "/etc/iam/bundle-test.env"
    seeds.plant(keepalived, "! § auth_pass {}")
    seeds.plant(keepalived, "! § the old password: {}")
    seeds.plant(nginx, "# § api_key = {}")
    seeds.plant(site, "# § proxy_set_header X-Auth-Token {};")
    basic = encoded(f"iam:Mk{seeds.nonce}basic")
    seeds.plant(site, '# § proxy_set_header Authorization "Basic {}";', secret=basic)
    seeds.plant(users, "§:$apr1$abcd${}")
    seeds.plant(yaml, "mysql-§-password: {}")
    seeds.plant(yaml, "§-secret-key: '{}'")
    seeds.plant(yaml, "§-key: {}")
    seeds.plant(yaml, "§-redis: redis://:{}@127.0.0.1:6379/0")
    seeds.plant(yaml, '§-dsn: "iam:{}@tcp(127.0.0.1:3306)/iam"')
    seeds.plant(yaml, "§-mongo: mongodb://iam:{}@127.0.0.1:27017/iam")
    seeds.plant(yaml, "tls: § -----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", below=True)
    seeds.plant(yaml, "§-client-secret: |\n  {}", below=True)
    seeds.plant(ini, "; §\nrequirepass {}", below=True)
    seeds.plant(env, "export SEED=§ IAM_TOKEN={}")
    seeds.plant(UNIT_FILE, '[Service]\nEnvironment=SEED=§ "PUMP_PASSWORD={}"')


def in_logs(seeds: Seeds) -> None:
    request = '10.0.4.9 - - [24/Nov/2026:10:00:00 +0000] "GET /§?%s HTTP/1.1" 200 12 "%s" "curl/8"'
    seeds.plant(ACCESS, request % ("access_token={}&x=1", "-"))
    seeds.plant(ACCESS, request % ("x=1&api_key={}", "-"))
    seeds.plant(ACCESS, request % ("signature={}&x=1", "-"))
    seeds.plant(ACCESS, request % ("next=%2Fv1%3Fpassword%3D{}", "-"))
    seeds.plant(ACCESS, request % ("x=1", "https://iam:{}@10.0.4.20/"))
    seeds.plant(ERROR, "2026/11/24 10:00:00 [error] 1#1: § Authorization: Bearer {}")
    seeds.plant(ERROR, "2026/11/24 10:00:00 [error] 1#1: § Set-Cookie: sid={}; Path=/")
    header = '{"level":"debug","tag":"§","header":{"Authorization":["Basic %s"],"Cookie":["sid=1"]}}'
    seeds.plant(SERVICE, header.replace("%s", "{}"), secret=encoded(f"root:Mk{seeds.nonce}json"))
    payload = encoded(json.dumps({"sub": f"Mk{seeds.nonce}jwt"})).rstrip("=")
    seeds.plant(
        SERVICE, "2026-11-24T10:00:00Z INFO § login gave {} to iam", secret=f"eyJhbGciOiJIUzI1NiJ9.{payload}.c2ln"
    )
    insert = "INSERT INTO `secret` (`name`,`secretID`,`secretKey`) VALUES ('§','AKx1','{}')"
    seeds.plant(SERVICE, f"2026-11-24 10:00:00.123\tDEBUG\tapiserver\tmysql/secret.go:52\t{insert}")
    seeds.plant(SERVICE, '2026-11-24T10:00:00Z INFO § body "{\\"username\\":\\"iam\\",\\"password\\":\\"{}\\"}"')


def in_journal(seeds: Seeds, vrrp: str) -> None:
    seeds.plant("journal", "§ ran curl -H 'X-Api-Key: {}' http://10.0.4.20/")
    seeds.plant("journal", "§ ran mysql -uroot -p{} iam")
    seeds.plant("journal", "§ ran ipmitool -H 10.0.4.9 -U admin -P {} power off")
    seeds.plant("journal", '§ 1700000000.1 [0 127.0.0.1:1] "AUTH" "iam" "{}"')
    seeds.plant("journal", "§ CREATE USER iam IDENTIFIED BY '{}'")
    seeds.plant("journal", "§ uses {} for backups", secret=f"AKIA{seeds.nonce.upper()}ABCDEFGH")
    seeds.plant("journal", "§ ran echo {} | base64 -d", secret=encoded(f"password=Mk{seeds.nonce}b64"))
    seeds.plant("journal", "§ the peer said {} and was ignored", secret=vrrp)
    seeds.plant("journal", "§ the peer said {} and was ignored", secret=encoded(f"x{vrrp}yz"))
    seeds.plant(
        "journal",
        "§ retried with {} once more",
        secret=next(secret for tag, secret in seeds.secrets.items() if tag.endswith("-06")),
    )


class Planting:
    """Puts the seeds on a node, and takes them away again."""

    def __init__(self, lab: LabForTests, seeds: Seeds) -> None:
        self._lab, self._seeds = lab, seeds

    def put(self) -> None:
        self._sh('mkdir -p "$1" /etc/systemd/system/iam-pump.service.d', KEPT)
        for path, lines in self._seeds.lines.items():
            text = "\n".join(lines) + "\n"
            if path == "journal":
                self._lab.must(NODE, ["systemd-cat", "--identifier=bundle-test"], stdin=text)
                continue
            self._sh('[ ! -e "$1" ] || cp -p -- "$1" "$2"', path, self._kept(path))
            self._sh('cat >>"$1"', path, stdin=text)
        self._lab.must(NODE, ["systemctl", "daemon-reload"])
        self._lab.must(NODE, ["journalctl", "--sync"])

    def take_away(self) -> None:
        """Configurations get their old bytes and times; logs lose our lines and keep everybody else's.

        nginx reads its files again: what it runs with is no question for the tests after this one.
        """
        for path in self._seeds.lines:
            if path in (ACCESS, ERROR, SERVICE):
                self._sh(CLEAN, path)
            elif path != "journal":
                self._sh('if [ -e "$2" ]; then cp -p -- "$2" "$1"; else rm -f -- "$1"; fi', path, self._kept(path))
        self._sh(
            'rm -r "$1"; rmdir /etc/systemd/system/iam-pump.service.d 2>/dev/null; systemctl daemon-reload', KEPT
        )
        self._lab.must(NODE, ["systemctl", "reload", "nginx"])

    def _kept(self, path: str) -> str:
        return f"{KEPT}/{path.replace('/', '_')}"

    def _sh(self, line: str, *words: str, stdin: str = "") -> None:
        self._lab.must(NODE, ["sh", "-c", line, "sh", *words], stdin=stdin)


def footprint(lab: LabForTests) -> str:
    """Every byte a planting could leave behind."""
    directories = "/etc/keepalived /etc/nginx /etc/iam /etc/systemd/system"
    line = f'find {directories} -type f -exec sha256sum {{}} + | sort -k2; ls -d "$1"'
    return lab.exec(NODE, ["sh", "-c", line, "sh", KEPT]).stdout.decode()


@dataclass(frozen=True)
class Unpacked:
    """A finished bundle, its files, and what was planted before it was made."""

    report: BundleReport
    files: dict[str, bytes]
    seeds: Seeds

    @property
    def manifest(self) -> dict[str, object]:
        document: dict[str, object] = json.loads(self.files["manifest.json"])
        return document

    def lines_named(self, path: str) -> set[int]:
        entry = next(each for each in self.manifest["files"] if each["path"] == path)
        return {line for kind in entry["redactions"] for line in kind["lines"]}


def unpacked(path: Path) -> dict[str, bytes]:
    with zstandard.open(path, "rb") as plain, tarfile.open(fileobj=io.BytesIO(plain.read())) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


@pytest.fixture(scope="module")
def bundle(running_lab: LabForTests, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    """One bundle for all claims about it."""
    running_lab.make_whole()
    return asyncio.run(made(running_lab, tmp_path_factory.mktemp("bundle")))


async def made(lab: LabForTests, tmp_path: Path) -> Unpacked:
    [vrrp] = vrrp_secrets(lab.profile).values()
    seeds = planted(vrrp)
    before = footprint(lab)
    planting = Planting(lab, seeds)
    ledger = tmp_path / "audit.jsonl"
    in_audit = seeds.plant("audit", "§ restarted with --token {}")
    Audit(ledger).append("intent", {"reason": seeds.lines.pop("audit")[0]})
    planting.put()
    try:
        looked = Examination(lab.profile, NOW, 1.0, ClusterState.of(lab.profile), Diagnosis(()), {})
        path = tmp_path / "evidence.tar.zst"
        report = await write_bundle(looked, path, now=NOW, status={"note": f"token={in_audit}"}, ledger=ledger)
    finally:
        planting.take_away()
    assert footprint(lab) == before
    return Unpacked(report, unpacked(path), seeds)


def test_none_of_the_planted_secrets_is_in_the_bundle_and_each_place_is_named(bundle: Unpacked):
    assert len(bundle.seeds.secrets) >= 30
    everything = [(path, path.encode() + b"\0" + content) for path, content in bundle.files.items()]
    leaks = [
        (tag, path)
        for tag, secret in bundle.seeds.secrets.items()
        for path, content in everything
        if secret.encode() in content
    ]
    assert leaks == []
    # What stood encoded in one of them does not stand decoded anywhere either.
    assert not [path for path, content in everything if bundle.seeds.nonce.encode() in content]
    unnamed = [tag for tag in bundle.seeds.secrets if not _is_named(bundle, tag)]
    assert unnamed == []


def _is_named(bundle: Unpacked, tag: str) -> bool:
    """The line that carries the tag stands somewhere, and wherever it stands the manifest names its line."""
    places = [
        (path, number + (tag in bundle.seeds.below))
        for path, content in bundle.files.items()
        for number, line in enumerate(content.split(b"\n"), start=1)
        if tag.encode() in line
    ]
    return bool(places) and all(line in bundle.lines_named(path) for path, line in places)


def test_the_bundle_of_a_whole_pair_misses_nothing(bundle: Unpacked):
    assert dict(bundle.report.uncollected) == {}
    assert next(iter(bundle.files)) == "manifest.json"
    for node in ("iam-a", "iam-b"):
        for name in ("keepalived/dump.txt", "logs/access.log", "journal/keepalived.log", "network/addresses.txt"):
            assert f"nodes/{node}/{name}" in bundle.files
    assert b"10.0.4.99" in bundle.files["nodes/iam-a/network/addresses.txt"]
    assert b'HTTP/1.1" 200' in bundle.files["nodes/iam-a/logs/access.log"]
