"""What an inspection says of a node beside keepalived: nginx, files not loaded, full disks, crashes; and lint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.lint.finding import LintFinding
from iamops.judge.rules.base import (
    NO_LOOK,
    Answer,
    RuleInput,
    about_unit,
    age_s,
    ago,
    each_journal,
    each_node,
    evidence_at,
    evidence_of,
    inspection_of,
    lately,
    line,
    of_kind,
    ours,
    reason_of,
    rule,
    unit_running,
)
from iamops.judge.rules.keepalived import CRASH_RECENT_S, SHOWN, Journal
from iamops.judge.rules.machine import DISK_FULL_PCT, how_full
from iamops.model.config import DaemonCheck
from iamops.model.facts import Severity
from iamops.model.inspection import ErrorLogInspection, FileStamp, Filesystem, JournalEventKind
from iamops.model.observed import Known, Unknown
from iamops.model.state import NodeState
from iamops.parse.config_files import complaints

# A file that was written right before the reload, by clocks that count differently.
LOADED_SLACK_S = 1.0
EXHAUSTED_RECENT_S = 300.0
# So many crashes so close to each other are no accident: it cannot run.
LOOPS, LOOP_SPAN_S = 3, 60.0
LINT_SHOWN = 4
LOADED = "whether its files were loaded"
SOUND = "whether the configuration is sound"
Filesystems: TypeAlias = Known[tuple[Filesystem, ...]]


@each_node("whether nginx's files are valid", lambda inspection: inspection.checks, "nginx-config-invalid")
def config_invalid(
    view: RuleInput, node: NodeState, seen: Known[tuple[DaemonCheck, ...]], now: float
) -> Iterator[Answer]:
    code, unit = "nginx-config-invalid", view.state.profile.nginx.unit
    check = next((c for c in seen.value if c.daemon == "nginx"), None)
    if check is None or check.unavailable:
        why = check.unavailable if check is not None else "nginx -t was not asked"
        yield NotEvaluated(code, "whether nginx's files are valid", why, node.name)
        return
    errors = [complaint for complaint in complaints(check) if complaint.kind == "error"]
    if not errors:
        return
    state = "runs on with what it once read" if unit_running(node, unit) else "does not run"
    where = [f"{e.file}:{e.line}: {e.message}" if e.file else e.message for e in errors]
    yield Finding(
        code,
        Severity.CRITICAL,
        f"nginx's configuration on {node.name} is invalid; it {state}, and would not start or reload",
        tuple(evidence_of(seen, message, "nginx -t", node.name, now) for message in where[:SHOWN]),
        "iamops config lint",
        node.name,
        cause="a file was edited and never tested",
    )


@each_node(
    "whether nginx ran out of connections",
    lambda inspection: inspection.nginx_errors,
    "nginx-connections-exhausted",
)
def connections_exhausted(
    view: RuleInput, node: NodeState, seen: Known[ErrorLogInspection], now: float
) -> Iterator[Answer]:
    errors = seen.value
    recent = [at for at in errors.exhausted if lately(node, at, EXHAUSTED_RECENT_S, now)]
    if recent:
        log = view.state.profile.logs.error
        away = any(lately(node, at, EXHAUSTED_RECENT_S, now) for at in errors.turned_away)
        how = "turns clients away" if away else "drops idle connections to make room"
        yield Finding(
            "nginx-connections-exhausted",
            Severity.CRITICAL if away else Severity.WARNING,
            f"nginx on {node.name} has too few worker connections and {how} ({len(recent)} lines in 5 min)",
            (evidence_at(ours(node, recent[-1]), errors.sample, log, node.name, now),),
            f"look: ss -s on {node.name}, and worker_connections in nginx.conf",
            node.name,
            cause="more clients than worker_connections allow, or backends so slow that requests pile up",
        )


@each_node(LOADED, lambda inspection: inspection.files, "config-not-loaded")
def not_loaded(
    view: RuleInput, node: NodeState, seen: Known[Mapping[str, FileStamp]], now: float
) -> Iterator[Answer]:
    """Only what a daemon reads once: scripts are read at every run."""
    profile, inspection = view.state.profile, inspection_of(view, node.name)
    loaded = inspection.loaded if inspection is not None else NO_LOOK
    if isinstance(loaded, Unknown):
        yield NotEvaluated("config-not-loaded", LOADED, reason_of(loaded), node.name)
        return
    for unit, directory in ((profile.nginx.unit, "/etc/nginx/"), (profile.keepalived.unit, "/etc/keepalived/")):
        at = loaded.value.get(unit)
        if at is None:
            if unit_running(node, unit):
                why = f"{unit} runs, and when it read its files is not told"
                yield NotEvaluated("config-not-loaded", LOADED, why, node.name)
            continue
        files = [f for p, f in seen.value.items() if p.startswith(directory) and p.endswith(".conf")]
        newer = [file for file in files if file.changed_at > at + LOADED_SLACK_S]
        if not newer:
            continue
        evidence = (
            evidence_at(
                ours(node, file.changed_at),
                f"{file.path} changed {file.changed_at - at:.0f} s after {unit} last read its files",
                "stat",
                node.name,
                now,
            )
            for file in newer[:SHOWN]
        )
        yield Finding(
            "config-not-loaded",
            Severity.WARNING,
            f"{unit} on {node.name} runs with older files than those on its disk",
            tuple(evidence),
            "iamops config diff",
            node.name,
            cause="a file was edited and not loaded: the next restart changes more than anyone expects",
            about=about_unit(profile, unit, node.name),
        )


@each_node("how many inodes are left", lambda inspection: inspection.filesystems, "inodes-exhausted")
def inodes(view: RuleInput, node: NodeState, seen: Filesystems, now: float) -> Iterator[Answer]:
    for disk in seen.value:
        if disk.inodes_pct is not None and disk.inodes_pct >= DISK_FULL_PCT:
            yield Finding(
                "inodes-exhausted",
                Severity.WARNING,
                f"{disk.mount} on {node.name} has used {disk.inodes_pct:.0f} % of its inodes",
                (evidence_of(seen, f"{disk.mount}: {disk.inodes_pct:.0f} % of inodes", "df -Pi", node.name, now),),
                f"look: du --inodes -x {disk.mount} on {node.name}",
                node.name,
                cause="very many small files: sessions, mail queues, logs that are cut too often",
                about=About(subject=disk.mount),
            )


@each_node("how full its other disks are", lambda inspection: inspection.filesystems, "disk-full")
def other_disks(view: RuleInput, node: NodeState, seen: Filesystems, now: float) -> Iterator[Answer]:
    """The root's own is watched live; these are the others that services write to."""
    for disk in seen.value:
        if disk.mount != "/" and disk.space_pct is not None and disk.space_pct >= DISK_FULL_PCT:
            severity, means = how_full(disk.space_pct)
            yield Finding(
                "disk-full",
                severity,
                f"{disk.mount} on {node.name} is {disk.space_pct:.0f} % full",
                (evidence_of(seen, f"{disk.mount} is {disk.space_pct:.0f} % full", "df -P", node.name, now),),
                f"look: du -x {disk.mount} on {node.name}",
                node.name,
                about=About(subject=disk.mount),
                means=means,
            )


@each_journal("whether a unit crashed", CRASH_RECENT_S, "unit-restarted")
def unit_crashed(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """What fell over and runs again. keepalived has a rule of its own; what does not run is unit-down."""
    for unit in node.units:
        if unit == view.state.profile.keepalived.unit or not unit_running(node, unit):
            continue
        crashes = of_kind(seen.value, unit, JournalEventKind.CRASHED)
        recent = [entry for entry in crashes if lately(node, entry.at, CRASH_RECENT_S, now)]
        again = [entry.at for entry in recent if lately(node, entry.at, LOOP_SPAN_S, now)]
        if recent:
            how = f"crashed {ago(age_s(node, recent[-1].at, now))}, and runs again"
            if len(again) >= LOOPS:  # it runs only as we look
                how = f"does not stay up: it crashed {len(again)} times in {max(again) - min(again):.0f} s"
            yield Finding(
                "unit-restarted",
                Severity.WARNING,
                f"{unit} on {node.name} {how}",
                tuple(line(node, entry, now) for entry in recent[-SHOWN:]),
                f"look: journalctl -u {unit} on {node.name}",
                node.name,
                about=about_unit(view.state.profile, unit, node.name),
            )


RULES = (config_invalid, connections_exhausted, not_loaded, inodes, other_disks, unit_crashed)


@rule("lint")
def linted(view: RuleInput, now: float) -> Iterator[Answer]:
    """What lint says of the live files: one finding for each code and node, however many lines it is about."""
    for node, why in view.unreadable.items():
        yield NotEvaluated("lint", SOUND, why, node)
    if isinstance(view.lint, Unknown):
        yield NotEvaluated("lint", SOUND, reason_of(view.lint))
        return
    together: dict[tuple[str, str | None], list[LintFinding]] = {}
    for finding in view.lint.value.unsilenced:
        together.setdefault((finding.rule.code, finding.hit.node), []).append(finding)
    for (code, name), found in together.items():
        broken, age = found[0].rule, view.lint.age_s(now)
        evidence = []
        for finding in found[:LINT_SHOWN]:
            hit = finding.hit
            place = ":".join(str(part) for part in (hit.file, hit.line) if part) or "lint"
            evidence.append(Evidence(hit.evidence or broken.title, place, name, age))
        title = f"{broken.title}: {name}" if name else broken.title
        yield Finding(code, broken.severity, title, tuple(evidence), "iamops config lint", name, cause=broken.why)
