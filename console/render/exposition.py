"""The text formats that Prometheus reads: OpenMetrics 1.0 and the older exposition format 0.0.4. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from console.model.harmful import HARMFUL

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CLASSIC = "text/plain; version=0.0.4; charset=utf-8"
# Legal in a label, and a nuisance to whoever reads the page on a terminal; surrogates are no text at all.
_UNPRINTABLE = re.compile(f"[{HARMFUL}]")


class Kind(StrEnum):
    """What a family's values are; the suffix of its samples follows from it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"

    @property
    def suffix(self) -> str:
        return {Kind.GAUGE: "", Kind.COUNTER: "_total", Kind.INFO: "_info"}[self]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. Labels stand in the order in which they are printed."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one name. `name` has no suffix; `unit` is its last word, where there is one."""

    name: str
    kind: Kind
    help: str
    samples: tuple[Sample, ...]
    unit: str = ""

    @property
    def sample_name(self) -> str:
        return self.name + self.kind.suffix


def openmetrics(families: Iterable[Family]) -> str:
    """OpenMetrics 1.0: the family is named without its suffix, and the end of the page is told."""
    return "".join(f"{line}\n" for family in families for line in _openmetrics(family)) + "# EOF\n"


def classic(families: Iterable[Family]) -> str:
    """Format 0.0.4: what is declared is the sample's own name, and it knows neither info nor units."""
    return "".join(f"{line}\n" for family in families for line in _classic(family))


def _openmetrics(family: Family) -> Iterator[str]:
    yield f"# TYPE {family.name} {family.kind}"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield from _samples(family)


def _classic(family: Family) -> Iterator[str]:
    # Here a quotation mark in a help text stands for itself.
    told = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {family.sample_name} {told}"
    yield f"# TYPE {family.sample_name} {Kind.GAUGE if family.kind is Kind.INFO else family.kind}"
    yield from _samples(family)


def _samples(family: Family) -> Iterator[str]:
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(_printable(text))}"' for name, text in sample.labels.items())
        yield f"{family.sample_name}{{{labels}}} {_number(sample.value)}"


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    """Whole numbers without a point; the shortest text that gives the others back."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))
