"""Writes the awk program that counts a log on its node as `log_counts` does here: the same keys, the same rules.

POSIX awk only, in the C locale: mawk, gawk and busybox agree on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.model.traffic import OTHERS
from console.parse.log_counts import KEPT, LONG_LINE, PROBE_MARK, Counts, Recipe, Want
from console.parse.log_format import Clock, Field
from console.parse.log_steps import Step, steps
from console.parse.log_where import awk_text
from console.parse.log_words import FINE, ID_SEGMENT, VALUE_MAX, Grain

# So many different keys are kept in a table; then the rarest go, and are counted together.
TABLE_MAX = 20_000
# So many request lines are remembered with their pattern, and times with their bucket.
MEMORY_MAX = 5_000
MEMORY_REST = 50_000

_NAMES = {
    Field.STATUS: "st",
    Field.TIME: "tm",
    Field.METHOD: "me",
    Field.PATH: "pa",
    Field.HOST: "ho",
    Field.CLIENT: "cl",
    Field.BYTES: "by",
    Field.AGENT: "ag",
    Field.REQUEST_TIME: "rt",
    Field.UPSTREAM: "up",
    Field.UPSTREAM_STATUS: "us",
    Field.UPSTREAM_TIME: "ut",
}
# Lossy counting: what was rare so far is added to its slot's others, until half of the table is free.
_SQUEEZE = f"""\
function squeeze(T, parts,   k, t, n, a) {{
  for (t = 1; ; t *= 2) {{
    n = 0
    for (k in T) {{
      if (T[k] > t) {{ n++; continue }}
      split(k, a, "\\t")
      if (parts == 3) O[a[1], a[2]] += T[k]; else Q[a[1]] += T[k]
      delete T[k]
    }}
    if (n <= {TABLE_MAX // 2}) return n
  }}
}}
function ms(x,   v, e) {{
  if (++nv > {MEMORY_MAX}) {{ delete V; nv = 1 }}
  if (x !~ /^[0-9]+(\\.[0-9]+)?$/ || length(x) > 12) return V[x] = x
  v = int(x * 1000 + 0.5)
  for (e = 1; v >= {FINE}; e *= 2) v = int(v / 2)
  return V[x] = v * e ""
}}
"""
_DERIVED = 'for (k in P) { split(k, a, "\\t"); S[a[1], a[2]] += P[k] } for (k in O) S[k] += O[k]'
_TELL = (
    'for (k in S) printf "S\\t%d\\t%s\\n", S[k], k',
    'for (k in Y) printf "Y\\t%.0f\\t%s\\n", Y[k], k',
    'for (k in P) printf "P\\t%d\\t%s\\n", P[k], k',
    f'for (k in O) printf "P\\t%d\\t%s\\t{OTHERS}\\n", O[k], k',
    'for (k in C) printf "C\\t%d\\t%s\\n", C[k], k',
    f'for (k in Q) printf "C\\t%d\\t%s\\t{OTHERS}\\n", Q[k], k',
    'for (k in R) printf "R\\t%d\\t%s\\n", R[k], k',
    'for (k in U) printf "U\\t%d\\t%s\\n", U[k], k',
    'printf "E\\t%d\\t%d\\t%d\\n", p, u, w',
)


def awk_program(recipe: Recipe) -> str:
    """The program; it is fed complete lines. With `-v anchored=1` it only tells the first of them back."""
    separator = '"\\""' if recipe.form.quoted else '"\\n"'
    return "\n".join(
        (
            _SQUEEZE,
            f'BEGIN {{ FS = {separator}; SUBSEP = "\\t"; t0 = "\\t"',
            '  for (k = 0; k < 1000; k++) OK[sprintf("%03d", k)] = 1 }',
            'anchored && NR == 1 { print "A\\t" $0; next }',
            f"NF != {len(recipe.form.segments)} {{ u++; next }}" if recipe.form.quoted else "",
            "{",
            *(f"  {line}" for line in _extraction(recipe)),
            *(f"  {line}" for line in _counting(recipe)),
            "}",
            "END {",
            *([f"  {_DERIVED}"] if _shapes_follow(recipe) else []),
            *(f"  {line}" for line in _TELL),
            "}",
        )
    )


def _shapes_follow(recipe: Recipe) -> bool:
    """Whether the statuses can be told from the paths, so that they need no table of their own."""
    return Want.SHAPE not in recipe.want and _counts_paths(recipe)


def _counts_paths(recipe: Recipe) -> bool:
    return Want.PATHS in recipe.want and Field.PATH in recipe.needed


def _remembers(recipe: Recipe) -> bool:
    """Whether a request line can be looked up instead of being taken apart."""
    return _counts_paths(recipe) and Field.PATH not in recipe.form.fields and Field.PATH not in recipe.where.fields


def _extraction(recipe: Recipe) -> Iterator[str]:
    """Each needed variable into the awk variable of its first field."""
    for number, tokens in enumerate(recipe.form.segments, start=1):
        piece = f"${number}" if recipe.form.quoted else "$0"
        for step in steps(tokens, recipe.variables):
            yield from _taken(step, piece, recipe)
            piece = "r"


def _taken(step: Step, piece: str, recipe: Recipe) -> Iterator[str]:
    """One step, as `log_steps.taken` takes it. `piece` is what is left of the piece of the line."""
    if step.prefix:
        text, length = awk_text(step.prefix), len(step.prefix)
        if step.strict and step.last:
            fits = f"substr({piece}, {length + step.width + 1}, {len(step.until)}) == {awk_text(step.until)}"
            fits = f"substr({piece}, 1, {length}) == {text} && {fits}"
            value = f'{fits} ? substr({piece}, {length + 1}, {step.width}) : ""'
            yield from _assigned(step.variable, value, recipe)
            return
        yield f'r = substr({piece}, 1, {length}) == {text} ? substr({piece}, {length + 1}) : ""'
        piece = "r"
    if len(step.skips) == 1 and step.width and step.last and not step.strict:
        # The most common way to a time, in one go: a copy of the rest of the line less.
        found, length = f"index({piece}, {awk_text(step.skips[0])})", len(step.skips[0])
        value = f'(k = {found}) ? substr({piece}, k + {length}, {step.width}) : ""'
        yield from _assigned(step.variable, value, recipe)
        return
    for literal in step.skips:
        found = f"index({piece}, {awk_text(literal)})"
        yield f'r = (k = {found}) ? substr({piece}, k + {len(literal)}) : ""'
        piece = "r"
    if step.width:
        yield from _fixed(step, piece, recipe)
    elif not step.until:
        yield from _assigned(step.variable, piece, recipe)
    else:
        yield f"k = index({piece}, {awk_text(step.until)})"
        yield from _assigned(step.variable, f'k ? substr({piece}, 1, k - 1) : ""', recipe)
        if not step.last:
            yield f'r = k ? substr({piece}, k + {len(step.until)}) : ""'


def _fixed(step: Step, piece: str, recipe: Recipe) -> Iterator[str]:
    end = step.width + len(step.until)
    if step.strict:
        yield f"k = substr({piece}, {step.width + 1}, {len(step.until)}) == {awk_text(step.until)}"
        yield from _assigned(step.variable, f'k ? substr({piece}, 1, {step.width}) : ""', recipe)
        if not step.last:
            yield f'r = k ? substr({piece}, {end + 1}) : ""'
        return
    yield from _assigned(step.variable, f"substr({piece}, 1, {step.width})", recipe)
    if not step.last:
        yield f"r = substr({piece}, {end + 1})"


def _assigned(variable: str, value: str, recipe: Recipe) -> Iterator[str]:
    fields = recipe.variables[variable]
    if variable == recipe.form.fields.get(Field.REQUEST):
        yield f"q = {value}"
        if Field.METHOD in fields:
            yield f'{_NAMES[Field.METHOD]} = (k2 = index(q, " ")) ? substr(q, 1, k2 - 1) : ""'
        if Field.PATH in fields and not _remembers(recipe):
            yield from _path_of_request()
        return
    names = [_NAMES[field] for field in sorted(fields)]
    yield f"{names[0]} = {value}"
    for name in names[1:]:
        yield f"{name} = {names[0]}"


def _path_of_request() -> Iterator[str]:
    yield 'pa = (k2 = index(q, " ")) ? substr(q, k2 + 1) : ""; if (k2 = index(pa, " ")) pa = substr(pa, 1, k2 - 1)'


def _counting(recipe: Recipe) -> Iterator[str]:
    needed, want = recipe.needed, recipe.want
    if Field.AGENT in needed:
        yield f"if (substr(ag, 1, {len(PROBE_MARK)}) == {awk_text(PROBE_MARK)}) {{ p++; next }}"
    yield "if (!(st in OK)) { u++; next }"
    if Field.PATH in needed and not _remembers(recipe):
        yield 'if (k = index(pa, "?")) pa = substr(pa, 1, k - 1)'
    condition = recipe.where.awk(lambda field: _NAMES[field] if field in needed else '""')
    if condition:
        yield f"if (!({condition})) {{ w++; next }}"
    yield from _slot(recipe)
    yield from _cuts(recipe)
    if not _shapes_follow(recipe):
        yield from _shape(recipe)
    if _counts_paths(recipe):
        yield from _pattern(recipe)
        yield f"if (!P[sl, st, pa]++ && ++np > {TABLE_MAX}) np = squeeze(P, 3)"
    if Want.CLIENTS in want and Field.CLIENT in needed:
        yield f"if (!C[sl, cl]++ && ++nc > {TABLE_MAX}) nc = squeeze(C, 2)"
    if Want.TIMES in want and Field.REQUEST_TIME in needed:
        yield "R[sl, (rt in V) ? V[rt] : ms(rt)]++"
    if Want.TIMES in want and {Field.UPSTREAM, Field.UPSTREAM_TIME} <= needed:
        yield "U[sl, up, (ut in V) ? V[ut] : ms(ut)]++"


def _slot(recipe: Recipe) -> Iterator[str]:
    """Told anew only when the time is another one. A tab in it would be taken for the end of a key's part."""
    if Want.TIME not in recipe.want or Field.TIME not in recipe.needed:
        return
    finer = 2 if recipe.grain is Grain.TEN_SECONDS else 0
    match recipe.form.clock:
        case Clock.LOCAL:
            slot = f"substr(tm, 1, {17 + finer}) substr(tm, 22, 5)"
        case Clock.ISO:
            slot = f"substr(tm, 1, {16 + finer}) substr(tm, 20, 6)"
        case _:
            number = "k ~ /^[0-9]+$/ && length(k) < 13"
            k = 'k = index(tm, ".") ? substr(tm, 1, index(tm, ".") - 1) : tm'
            grain = int(recipe.grain)
            slot = f'({number}) ? sprintf("%.0f", (k - k % {grain}) / {grain}) : ""'
            yield f"if (tm != t0) {{ t0 = tm; {k}; sl = {slot} }}"
            return
    yield f'if (tm != t0) {{ t0 = tm; sl = {slot}; if (index(sl, "\\t")) sl = "" }}'


def _cuts(recipe: Recipe) -> Iterator[str]:
    """A long line's values are kept short; asking once per line is cheaper than once per value."""
    names = [_NAMES[field] for field in KEPT if field in recipe.needed]
    if names:
        cut = "; ".join(f"{name} = substr({name}, 1, {VALUE_MAX})" for name in names)
        yield f"if (length($0) > {LONG_LINE}) {{ {cut} }}"


def _shape(recipe: Recipe) -> Iterator[str]:
    if Want.SHAPE not in recipe.want:
        yield "S[sl, st]++"
        return
    parts = (Field.METHOD, Field.HOST, Field.UPSTREAM, Field.UPSTREAM_STATUS)
    key = ", ".join(["sl", "st", *(_NAMES[field] if field in recipe.needed else '""' for field in parts)])
    yield f"S[{key}]++"
    if Field.BYTES in recipe.needed:
        yield "if (by ~ /^[0-9]+$/ && length(by) < 16) Y[sl] += by"


def _pattern(recipe: Recipe) -> Iterator[str]:
    expression = ID_SEGMENT.replace("/", "\\/")
    known = "q" if _remembers(recipe) else "pa"
    yield f"if ({known} in M) {{ pa = M[{known}]; mh++ }}"
    yield "else {"
    # Where hardly any request line comes twice, remembering them costs more than it saves: it rests for a while.
    yield f"  if (++nm > {MEMORY_MAX}) {{ delete M; nm = (mh < nm) ? -{MEMORY_REST} : 1; mh = 0 }}"
    if _remembers(recipe):
        yield from (f"  {line}" for line in _path_of_request())
        yield '  if (k = index(pa, "?")) pa = substr(pa, 1, k - 1)'
    else:
        yield "  q = pa"
    yield f"  if (length(pa) > {VALUE_MAX}) pa = substr(pa, 1, {VALUE_MAX})"
    yield "  if (pa ~ /[0-9]/) {"
    yield '    pa = pa "/"'
    yield f'    if (gsub(/{expression}/, "/:id/", pa)) gsub(/{expression}/, "/:id/", pa)'
    yield "    pa = substr(pa, 1, length(pa) - 1)"
    yield "  }"
    yield "  if (nm > 0) M[q] = pa"
    yield "}"


class NotCounted(ValueError):
    """What came back is not what the program prints."""


def told(lines: Iterable[bytes]) -> tuple[Counts, bytes | None]:
    """What the program printed: the counts, and the first line if it was to be told back. Raises NotCounted."""
    counts, anchor, whole = Counts(), None, False
    tables = {
        b"S": counts.shapes,
        b"Y": counts.sent,
        b"P": counts.paths,
        b"C": counts.clients,
        b"R": counts.times,
        b"U": counts.answers,
    }
    for line in lines:
        kind, _, rest = line.partition(b"\t")
        if kind == b"A":
            anchor = rest
        elif kind == b"E":
            counts.probes, counts.unparsed, counts.left_out = (int(word) for word in rest.split(b"\t"))
            whole = True
        elif kind in tables:
            number, key = _row(rest)
            tables[kind][key] += number
        else:
            raise NotCounted(f"not a count: {line[:60]!r}")
    if not whole:
        raise NotCounted("the count broke off")
    return counts, anchor


def _row(rest: bytes) -> tuple[int, str]:
    number, tab, key = rest.partition(b"\t")
    if not tab or not number.isdigit():
        raise NotCounted(f"not a count: {rest[:60]!r}")
    return int(number), key.decode("latin-1")
