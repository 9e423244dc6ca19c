"""What a deep look tells of a node beside keepalived: nginx's files and log, loaded or not, inodes, crashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from iamops.judge.findings import About, Evidence, Finding, NotEvaluated
from iamops.judge.lint.finding import LintFinding
from iamops.judge.rules.base import (
    Answer,
    Rule,
    RuleInput,
    about_unit,
    evidence_at,
    evidence_of,
    reason_of,
    unit_running,
)
from iamops.judge.rules.inspection import (
    NO_LOOK,
    age_s,
    ago,
    each_journal,
    each_node,
    inspection_of,
    lately,
    line,
    of_kind,
    ours,
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


def config_invalid(
    view: RuleInput, node: NodeState, seen: Known[tuple[DaemonCheck, ...]], now: float
) -> Iterator[Answer]:
    code, unit = "nginx-config-invalid", view.state.profile.nginx.unit
    check = next((c for c in seen.value if c.daemon == "nginx"), None)
    if check is None or check.unavailable:
        why = check.unavailable if check is not None else "nginx -t was not asked"
        yield NotEvaluated(code, "whether nginx's files are valid", why, node.name)
        return
    errors = [each for each in complaints(check) if each.kind == "error"]
    if not errors:
        return
    state = "runs on with what it once read" if unit_running(node, unit) else "does not run"
    where = [f"{e.file}:{e.line}: {e.message}" if e.file else e.message for e in errors]
    yield Finding(
        code,
        Severity.CRITICAL,
        f"nginx's configuration on {node.name} is invalid; it {state}, and would not start or reload",
        tuple(evidence_of(seen, each, "nginx -t", node.name, now) for each in where[:SHOWN]),
        "iamops config lint",
        node.name,
        cause="a file was edited and never tested",
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


def not_loaded(
    view: RuleInput, node: NodeState, seen: Known[Mapping[str, FileStamp]], now: float
) -> Iterator[Answer]:
    """Only what a daemon reads once: scripts are read at every run."""
    profile, look = view.state.profile, inspection_of(view, node)
    loaded = look.loaded if look is not None else NO_LOOK
    if isinstance(loaded, Unknown):
        yield NotEvaluated("config-not-loaded", "whether its files were loaded", reason_of(loaded), node.name)
        return
    for unit, directory in ((profile.nginx.unit, "/etc/nginx/"), (profile.keepalived.unit, "/etc/keepalived/")):
        at = loaded.value.get(unit)
        if at is None:
            if unit_running(node, unit):
                why = f"{unit} runs, and when it read its files is not told"
                yield NotEvaluated("config-not-loaded", "whether its files were loaded", why, node.name)
            continue
        files = [f for p, f in seen.value.items() if p.startswith(directory) and p.endswith(".conf")]
        newer = [file for file in files if file.changed_at > at + LOADED_SLACK_S]
        if newer:
            yield _not_loaded(view, node, unit, at, newer, now)


def inodes(view: RuleInput, node: NodeState, seen: Known[tuple[Filesystem, ...]], now: float) -> Iterator[Answer]:
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


def other_disks(
    view: RuleInput, node: NodeState, seen: Known[tuple[Filesystem, ...]], now: float
) -> Iterator[Answer]:
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


# So many crashes so close to each other are no accident: it cannot run.
LOOPS, LOOP_SPAN_S = 3, 60.0


def unit_crashed(view: RuleInput, node: NodeState, seen: Journal, now: float) -> Iterator[Answer]:
    """What fell over and runs again. keepalived has a rule of its own; what does not run is unit-down."""
    for unit in node.units:
        if unit == view.state.profile.keepalived.unit or not unit_running(node, unit):
            continue
        crashes = of_kind(seen.value, unit, JournalEventKind.CRASHED)
        recent = [each for each in crashes if lately(node, each.at, CRASH_RECENT_S, now)]
        again = [each.at for each in recent if lately(node, each.at, LOOP_SPAN_S, now)]
        if recent:
            how = f"crashed {ago(age_s(node, recent[-1].at, now))}, and runs again"
            if len(again) >= LOOPS:  # it runs only as we look
                how = f"does not stay up: it crashed {len(again)} times in {max(again) - min(again):.0f} s"
            yield Finding(
                "unit-restarted",
                Severity.WARNING,
                f"{unit} on {node.name} {how}",
                tuple(line(node, each, now) for each in recent[-SHOWN:]),
                f"look: journalctl -u {unit} on {node.name}",
                node.name,
                about=about_unit(view.state.profile, unit, node.name),
            )


RULES = (
    each_node("nginx-config-invalid", "whether nginx's files are valid", lambda look: look.checks, config_invalid),
    each_node(
        "nginx-connections-exhausted",
        "whether nginx ran out of connections",
        lambda look: look.nginx_errors,
        connections_exhausted,
    ),
    each_node("config-not-loaded", "whether its files were loaded", lambda look: look.files, not_loaded),
    each_node("inodes-exhausted", "how many inodes are left", lambda look: look.filesystems, inodes),
    each_node("disk-full", "how full its other disks are", lambda look: look.filesystems, other_disks),
    each_journal("unit-restarted", "whether a unit crashed", CRASH_RECENT_S, unit_crashed),
)


def _not_loaded(
    view: RuleInput, node: NodeState, unit: str, at: float, newer: list[FileStamp], now: float
) -> Finding:
    def late(file: FileStamp) -> Evidence:
        value = f"{file.path} changed {file.changed_at - at:.0f} s after {unit} last read its files"
        return evidence_at(ours(node, file.changed_at), value, "stat", node.name, now)

    return Finding(
        "config-not-loaded",
        Severity.WARNING,
        f"{unit} on {node.name} runs with older files than those on its disk",
        tuple(late(file) for file in newer[:SHOWN]),
        "iamops config diff",
        node.name,
        cause="a file was edited and not loaded: the next restart changes more than anyone expects",
        about=about_unit(view.state.profile, unit, node.name),
    )


# What lint says of the live files, as findings beside those of the runtime rules.

LINT_SHOWN = 4
WHAT = "whether the configuration is sound"


def linted(view: RuleInput, now: float) -> Iterator[Answer]:
    """One finding for each code and node, however many lines it is about."""
    yield from (NotEvaluated("lint", WHAT, why, node) for node, why in view.unreadable.items())
    if isinstance(view.lint, Unknown):
        yield NotEvaluated("lint", WHAT, reason_of(view.lint))
        return
    together: dict[tuple[str, str | None], list[LintFinding]] = {}
    for finding in view.lint.value.unsilenced:
        together.setdefault((finding.rule.code, finding.hit.node), []).append(finding)
    for (code, node), found in together.items():
        rule, age_s = found[0].rule, view.lint.age_s(now)
        evidence = tuple(Evidence(_said(each), _place(each), node, age_s) for each in found[:LINT_SHOWN])
        title = f"{rule.title}: {node}" if node else rule.title
        yield Finding(code, rule.severity, title, evidence, "iamops config lint", node, cause=rule.why)


FILES_RULES = (Rule(("lint",), linted),)


def _said(finding: LintFinding) -> str:
    return finding.hit.evidence or finding.rule.title


def _place(finding: LintFinding) -> str:
    """file:line, as far as it is known."""
    hit = finding.hit
    return ":".join(str(part) for part in (hit.file, hit.line) if part) or "lint"
