"""The text formats that Prometheus reads: OpenMetrics 1.0 and the older exposition format 0.0.4. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from iamops.model.text import HARMFUL

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CLASSIC = "text/plain; version=0.0.4; charset=utf-8"
# Legal in a label, and a nuisance to a person who reads the page on a terminal; surrogates are no text at all.
_UNPRINTABLE = re.compile(f"[{HARMFUL}]")


class MetricKind(StrEnum):
    """What a family's values are; the suffix of its samples follows from it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"

    @property
    def suffix(self) -> str:
        return {MetricKind.GAUGE: "", MetricKind.COUNTER: "_total", MetricKind.INFO: "_info"}[self]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. Labels stand in the order in which they are printed."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one name. `name` has no suffix; `unit` is its last word, where there is one."""

    name: str
    kind: MetricKind
    help: str
    samples: tuple[Sample, ...]
    unit: str = ""


def openmetrics(families: Iterable[Family]) -> str:
    """The family is named without its suffix, and the page has an end mark."""
    lines: list[str] = []
    for family in families:
        lines.append(f"# TYPE {family.name} {family.kind}")
        if family.unit:
            lines.append(f"# UNIT {family.name} {family.unit}")
        lines += [f"# HELP {family.name} {_escaped(family.help)}", *_sample_lines(family)]
    return "\n".join((*lines, "# EOF", ""))


def classic(families: Iterable[Family]) -> str:
    """What is declared is the sample's own name; this format knows neither info nor units."""
    lines: list[str] = []
    for family in families:
        name = family.name + family.kind.suffix
        kind = MetricKind.GAUGE if family.kind is MetricKind.INFO else family.kind
        # Here a quotation mark in a help text stands for itself.
        text = family.help.replace("\\", "\\\\").replace("\n", "\\n")
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *_sample_lines(family)]
    return "\n".join((*lines, ""))


def _sample_lines(family: Family) -> Iterator[str]:
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(_printable(text))}"' for name, text in sample.labels.items())
        yield f"{family.name}{family.kind.suffix}{{{labels}}} {_number(sample.value)}"


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    """Whole numbers without a point; the shortest text that gives the others back."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))
