"""Writes the awk program that counts a log on its node as `count.py` does here: the same keys, the same rules.

POSIX awk only, in the C locale: mawk, gawk and busybox agree on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from iamops.accesslog.count import KEPT, LONG_LINE, PROBE_MARK, TAB, Columns, CountQuery, Counts
from iamops.accesslog.extract import Cut, ExtractStep, steps
from iamops.accesslog.filter import FilterTerm, Where, awk_text
from iamops.accesslog.format import Clock, Escape, Field, LogFormat
from iamops.accesslog.values import FINE, ID_SEGMENT, VALUE_MAX, Resolution
from iamops.model.foreign import whole
from iamops.model.traffic import OTHERS

# Writes the part of a node's awk program that takes the values out of a line, as `log_steps.taken` does. Pure.
#
# Statements of an awk are few and dear: each line of what is written here is run for every line of the log.

# The awk variable of each field.
NAMES = {
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


def counts_paths(recipe: CountQuery) -> bool:
    """Whether requests are counted by the pattern of their path."""
    return Columns.PATHS in recipe.columns and Field.PATH in recipe.needed


def path_later(recipe: CountQuery) -> bool:
    """Whether a request line can be looked up by itself, so that its path is only taken when it is a new one."""
    return counts_paths(recipe) and Field.PATH not in recipe.form.fields and Field.PATH not in recipe.where.fields


def values_taken(recipe: CountQuery) -> Iterator[str]:
    """Each needed variable into the awk variable of its first field."""
    for number, tokens in enumerate(recipe.form.segments, start=1):
        piece = f"${number}"
        for step in steps(tokens, recipe.variables):
            if isinstance(step, ExtractStep):
                yield from _taken(step, piece, recipe)
            else:
                yield from _cut(step, piece, recipe)
            piece = "r"


def _cut(cut: Cut, piece: str, recipe: CountQuery) -> Iterator[str]:
    """The tail of a piece, as `log_steps.taken` finds it; `r` is what follows its literal."""
    length = len(cut.literal)
    if cut.width:
        stands = f"substr({piece}, k, {length}) == {awk_text(cut.literal)}"
        there = f"(k = length({piece}) - {cut.width - 1}) > 0 && {stands}"
    else:
        again = f"index(substr({piece}, k + 1), {awk_text(cut.literal)})"
        there = f"({_found(cut.literal, piece)}) && (!{again} || (k = match({piece}, {awk_text(cut.tail + '$')})))"
    behind = f"substr({piece}, k + {length})"
    if cut.client is None:
        yield f'r = ({there}) ? {behind} : ""'
        return
    before = f"r = substr({piece}, 1, k - 1)"
    if cut.last:
        yield f'if ({there}) {before}; else r = ""'
        yield from _taken(cut.client, "r", recipe)
        return
    yield f'if ({there}) {{ t = {behind}; {before} }} else t = r = ""'
    yield from _taken(cut.client, "r", recipe)
    yield "r = t"


def _taken(step: ExtractStep, piece: str, recipe: CountQuery) -> Iterator[str]:
    """One step, as `log_steps.taken` takes it. `piece` is what is left of the piece of the line."""
    length = len(step.prefix)
    if step.prefix:
        begins = f"substr({piece}, 1, {length}) == {awk_text(step.prefix)}"
        if step.width and step.until:
            ends = f"{begins} && {_stands(step.until, piece, length + step.width)}"
            yield from _either(step, ends, *_fixed(step, piece, length), recipe)
            return
        yield f'r = {begins} ? substr({piece}, {length + 1}) : ""'
        piece = "r"
    for literal in step.skips:
        yield f'r = ({_found(literal, piece)}) ? substr({piece}, k + {len(literal)}) : ""'
        piece = "r"
    until = len(step.until)
    if step.whole:
        longest = f"match({piece}, {awk_text('^' + step.whole)})"
        follows = f"substr({piece}, RLENGTH + 1, {until}) == {awk_text(step.until)}"
        value, rest = f"substr({piece}, 1, RLENGTH)", f"substr({piece}, RLENGTH + {until + 1})"
        yield from _either(step, f"{longest} && {follows}", value, rest, recipe)
    elif step.width and step.until:
        yield from _either(step, _stands(step.until, piece, step.width), *_fixed(step, piece), recipe)
    elif step.width:
        value, rest = _fixed(step, piece)
        yield from _assigned(step.variable, value, recipe)
        if not step.last:
            yield f"r = {rest}"
    elif not step.until:
        yield from _assigned(step.variable, piece, recipe)
    else:
        value, rest = f"substr({piece}, 1, k - 1)", f"substr({piece}, k + {until})"
        yield from _either(step, _found(step.until, piece), value, rest, recipe)


def _found(literal: str, piece: str) -> str:
    """True where it stands in the piece; then `k` is where."""
    return f"k = index({piece}, {awk_text(literal)})"


def _stands(literal: str, piece: str, at: int) -> str:
    return f"substr({piece}, {at + 1}, {len(literal)}) == {awk_text(literal)}"


def _fixed(step: ExtractStep, piece: str, begin: int = 0) -> tuple[str, str]:
    """A value of fixed width that begins behind so many characters, and what is left behind it."""
    end = begin + step.width
    return f"substr({piece}, {begin + 1}, {step.width})", f"substr({piece}, {end + len(step.until) + 1})"


def _either(step: ExtractStep, condition: str, value: str, rest: str, recipe: CountQuery) -> Iterator[str]:
    """The value, and what is left where more is taken from it; both empty where the condition does not hold."""
    name = _target(step.variable, recipe)
    if step.last:
        yield f'{name} = ({condition}) ? {value} : ""'
    else:
        yield f'if ({condition}) {{ {name} = {value}; r = {rest} }} else {name} = r = ""'
    yield from _also(step.variable, recipe)


def _assigned(variable: str, value: str, recipe: CountQuery) -> Iterator[str]:
    yield f"{_target(variable, recipe)} = {value}"
    yield from _also(variable, recipe)


def _target(variable: str, recipe: CountQuery) -> str:
    if not variable:
        return "z"
    if variable == recipe.form.fields.get(Field.REQUEST):
        return "q"
    return NAMES[min(recipe.variables[variable])]


def _also(variable: str, recipe: CountQuery) -> Iterator[str]:
    """What else is told by a variable that was just assigned."""
    if not variable:
        return
    fields = recipe.variables[variable]
    if variable != recipe.form.fields.get(Field.REQUEST):
        first, *others = (NAMES[field] for field in sorted(fields))
        yield from (f"{name} = {first}" for name in others)
        return
    if Field.METHOD in fields:
        yield f'{NAMES[Field.METHOD]} = (k = index(q, " ")) ? substr(q, 1, k - 1) : ""'
    if Field.PATH in fields and not path_later(recipe):
        yield from path_of_request()


def path_of_request() -> Iterator[str]:
    """The path as it stands in the request line `q`, with its query."""
    yield 'pa = (k = index(q, " ")) ? substr(q, k + 1) : ""'
    yield 'if (k = index(pa, " ")) pa = substr(pa, 1, k - 1)'


# So many different keys are kept in a table; then the rarest go, and are counted together. And so many of one
# slot are counted before they are added to those that are kept: short keys are cheaper than long ones.
TABLE_MAX = 20_000
# So many request lines are remembered with their pattern, and times with their bucket.
MEMORY_MAX = 5_000
MEMORY_REST = 50_000

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
# As `log_counts.values` does it: what is escaped must not be taken for the end of a value.
_JSON = (r'index($0, "\\") { gsub(/\\\\/, "\001"); gsub(/\\"/, "\002") }',)
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
    'printf "E\\t%d\\t%d\\t%d\\t%.0f\\n", p, u, w, n',
)


def awk_program(recipe: CountQuery) -> str:
    """The program; it is fed complete lines, and stops behind so many bytes (`-v stop=`).

    With `-v anchored=1` it only tells the first of them back.
    """
    return "\n".join(
        (
            _SQUEEZE,
            *_spilling(recipe),
            'BEGIN { FS = "\\""; SUBSEP = "\\t"; t0 = "\\t"',
            "  if (!stop) stop = 1000000000000000",
            '  for (k = 0; k < 1000; k++) OK[sprintf("%03d", k)] = 1 }',
            "n >= stop { exit }",
            "{ n += (ln = length($0)) + 1 }",
            'anchored && NR == 1 { print "A\\t" $0; next }',
            *(_JSON if recipe.form.escape is Escape.JSON else ()),
            f"NF != {len(recipe.form.segments)} {{ u++; next }}",
            "{",
            *(f"  {line}" for line in values_taken(recipe)),
            *(f"  {line}" for line in _counting(recipe)),
            "}",
            "END {",
            "  spill()",
            *([f"  {_DERIVED}"] if _shapes_follow(recipe) else []),
            *(f"  {line}" for line in _TELL),
            "}",
        )
    )


def backend_awk_program(form: LogFormat, endpoint: str) -> str:
    """Prints how many lines say that the backend was asked, and how many are not in the format.

    The format must tell Field.UPSTREAM.
    """
    recipe = CountQuery(form, Columns.NOTHING, Where(terms=(FilterTerm(Field.UPSTREAM, "=", endpoint),)))
    # By default nginx writes a dash for nothing.
    nobody = ' || up == ""' if form.escape is Escape.DEFAULT else ""
    return "\n".join(
        (
            'BEGIN { FS = "\\"" }',
            *(_JSON if form.escape is Escape.JSON else ()),
            f"NF != {len(form.segments)} {{ u++; next }}",
            "{",
            *(f"  {line}" for line in values_taken(recipe)),
            f"  if (st !~ /^[0-9][0-9][0-9]$/{nobody}) {{ u++; next }}",
            f"  if ({recipe.where.awk(NAMES.__getitem__)}) n++",
            "}",
            'END { printf "%d %d\\n", n, u }',
        )
    )


def _shapes_follow(recipe: CountQuery) -> bool:
    """Whether the statuses can be told from the paths, so that they need no table of their own."""
    return Columns.SHAPE not in recipe.columns and counts_paths(recipe)


def _counting(recipe: CountQuery) -> Iterator[str]:
    needed, want = recipe.needed, recipe.columns
    yield "if (!(st in OK)) { u++; next }"
    if Field.PATH in needed and not path_later(recipe):
        yield 'if (k = index(pa, "?")) pa = substr(pa, 1, k - 1)'
    condition = recipe.where.awk(lambda field: NAMES[field] if field in needed else '""')
    if condition:
        yield f"if (!({condition})) {{ w++; next }}"
    if Field.AGENT in needed:
        yield f"if (substr(ag, 1, {len(PROBE_MARK)}) == {awk_text(PROBE_MARK)}) p++"
    yield from _slot(recipe)
    yield from _cuts(recipe)
    if not _shapes_follow(recipe):
        yield from _shape(recipe)
    if counts_paths(recipe):
        yield from _pattern(recipe)
        yield _one_more("f[st, pa]")
    if Columns.CLIENTS in want and Field.CLIENT in needed:
        yield _one_more("c[cl]")
    if _times(recipe):
        yield _one_more("d[rt]")
    if _answers(recipe):
        # No line holds a newline, so the two can be told apart again.
        yield _one_more('e[up "\\n" ut]')


def _one_more(place: str) -> str:
    return f"if (!{place}++ && ++nn > {TABLE_MAX}) spill()"


def _times(recipe: CountQuery) -> bool:
    return Columns.TIMES in recipe.columns and Field.REQUEST_TIME in recipe.needed


def _answers(recipe: CountQuery) -> bool:
    return Columns.TIMES in recipe.columns and {Field.UPSTREAM, Field.UPSTREAM_TIME} <= recipe.needed


def _slot(recipe: CountQuery) -> Iterator[str]:
    """Told anew only when the time is another one. A tab in it would be taken for the end of a key's part."""
    if Columns.TIME not in recipe.columns or Field.TIME not in recipe.needed:
        return
    finer = 2 if recipe.resolution is Resolution.TEN_SECONDS else 0
    match recipe.form.clock:
        case Clock.LOCAL:
            slot = f"k = substr(tm, 1, {17 + finer}) substr(tm, 22, 5)"
        case Clock.ISO:
            slot = f"k = substr(tm, 1, {16 + finer}) substr(tm, 20, 6)"
        case _:
            number = 'k = index(tm, ".") ? substr(tm, 1, index(tm, ".") - 1) : tm'
            grain = int(recipe.resolution)
            whole = f'sprintf("%.0f", (k - k % {grain}) / {grain})'
            slot = f'{number}; k = (k ~ /^[0-9]+$/ && length(k) < 13) ? {whole} : ""'
    yield f"if (tm != t0) {{ t0 = tm; {slot}"
    yield r'  if (index(k, "\t")) k = ""; if (k != sl) { spill(); sl = k } }'


def _cuts(recipe: CountQuery) -> Iterator[str]:
    """A long line's values are kept short; asking once per line is cheaper than once per value."""
    names = [NAMES[field] for field in KEPT if field in recipe.needed]
    if names:
        cut = "; ".join(f"{name} = substr({name}, 1, {VALUE_MAX})" for name in names)
        yield f"if (ln > {LONG_LINE}) {{ {cut} }}"


def _shape(recipe: CountQuery) -> Iterator[str]:
    if Columns.SHAPE not in recipe.columns:
        yield _one_more("s[st]")
        return
    parts = (Field.METHOD, Field.HOST, Field.UPSTREAM, Field.UPSTREAM_STATUS)
    key = ", ".join(["st", *(NAMES[field] if field in recipe.needed else '""' for field in parts)])
    yield _one_more(f"s[{key}]")
    if Field.BYTES in recipe.needed:
        yield "if (by ~ /^[0-9]+$/ && length(by) < 16) yy += by"


def _pattern(recipe: CountQuery) -> Iterator[str]:
    """A request line that was seen before is looked up. So is one that only ends in another id than one before."""
    key, end = ("q", " ") if path_later(recipe) else ("pa", "")
    one, last = (f"\\/{ID_SEGMENT}{ending}" for ending in (r"\/", end or "$"))
    yield f"if (nm > 0 && {key} in M) {{ pa = M[{key}]; mh++ }}"
    yield "else {"
    # Where hardly any request line comes twice, remembering them costs more than it saves: it rests for a while.
    yield f"  if (++nm > {MEMORY_MAX}) {{ delete M; nm = (mh < nm) ? -{MEMORY_REST} : 1; mh = 0 }}"
    yield f"  o = {key}"
    yield f'  i = length({key}) <= {VALUE_MAX} && sub(/{last}/, "/:id{end}", {key})'
    yield f"  if (i && {key} in N) pa = N[{key}]"
    yield "  else {"
    yield f"    j = {key}"
    if path_later(recipe):
        yield from (f"    {line}" for line in path_of_request())
        yield '    if (k = index(pa, "?")) pa = substr(pa, 1, k - 1)'
    yield f"    if (length(pa) > {VALUE_MAX}) pa = substr(pa, 1, {VALUE_MAX})"
    yield '    pa = pa "/"'
    yield f'    k = gsub(/{one}/, "/:id/", pa)'
    # A match takes both slashes, so the second of two neighbours waits; behind a last one there is none.
    yield f'    if (k > 1 || k && index(pa, "/:id/") + 4 < length(pa)) gsub(/{one}/, "/:id/", pa)'
    yield "    pa = substr(pa, 1, length(pa) - 1)"
    yield f"    if (i) {{ if (++ni > {MEMORY_MAX}) {{ delete N; ni = 1 }} N[j] = pa }}"
    yield "  }"
    yield "  if (nm > 0) M[o] = pa"
    yield "}"


def _spilling(recipe: CountQuery) -> Iterator[str]:
    """Adds what was counted of one slot to what is kept by slot."""
    yield "function spill(  k, j, a) {"
    if not _shapes_follow(recipe):
        yield "  for (k in s) {"
        yield "    j = sl SUBSEP k"
        if Columns.SHAPE in recipe.columns:
            # Methods and hosts are what clients make of them: from some number on, new ones are others.
            others = f'SUBSEP "{OTHERS}" SUBSEP "{OTHERS}" SUBSEP'
            yield f"    if (!(j in S) && ++ns > {TABLE_MAX}) {{"
            yield r'      n2 = split(k, a, "\t")'
            yield f"      j = sl SUBSEP a[1] {others} a[n2 - 1] SUBSEP a[n2]"
            yield "    }"
        yield "    S[j] += s[k]"
        yield "  }"
        yield "  if (yy) Y[sl] += yy"
    for near, far, many, parts in (("f", "P", "np", 3), ("c", "C", "nc", 2)):
        full = f"if (!(j in {far}) && ++{many} > {TABLE_MAX}) {many} = squeeze({far}, {parts}) + 1"
        yield f"  for (k in {near}) {{ j = sl SUBSEP k; {full}; {far}[j] += {near}[k] }}"
    yield "  for (k in d) R[sl, (k in V) ? V[k] : ms(k)] += d[k]"
    yield r'  for (k in e) { split(k, a, "\n"); U[sl, a[1], (a[2] in V) ? V[a[2]] : ms(a[2])] += e[k] }'
    yield "  delete s; delete f; delete c; delete d; delete e; nn = yy = 0"
    yield "}"


# Reads what a node's awk says of the lines that it counted. Pure.

# How many more parts than its first one a key has at least.
PARTS = {b"S": 1, b"Y": 0, b"P": 2, b"C": 1, b"R": 1, b"U": 1}

# Behind the slot of a row of statuses or paths.
_STATUS = re.compile(r"[^\t]*\t[0-9]{3}(\t|\Z)")


class NotCounted(ValueError):
    """What came back is not what the program prints."""


@dataclass(frozen=True, slots=True)
class CountResult:
    """What some awks said together. `anchor`: the first line, if it was to be told back. `size`: bytes read."""

    counts: Counts = field(default_factory=Counts)
    anchor: bytes | None = None
    size: int = 0


def count_result(lines: Iterable[bytes], awks: int = 1) -> CountResult:
    """What so many awks printed, one behind the other. Raises NotCounted."""
    counts, anchor, size, ended = Counts(), None, 0, 0
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
            words = rest.split(b"\t")
            numbers = [number for word in words if (number := whole(word)) is not None]
            if len(numbers) != 4 or len(words) != 4:
                raise NotCounted(f"not a count: {line[:60]!r}")
            probes, unparsed, left_out, read = numbers
            counts.probes += probes
            counts.unparsed += unparsed
            counts.left_out += left_out
            size += read
            ended += 1
        elif kind in tables:
            number, key = _row(rest)
            if key.count(TAB) < PARTS[kind] or (kind in b"SP" and not _STATUS.match(key)):
                raise NotCounted(f"not a count: {line[:60]!r}")
            tables[kind][key] += number
        else:
            raise NotCounted(f"not a count: {line[:60]!r}")
    if ended != awks:
        raise NotCounted("the count broke off")
    return CountResult(counts, anchor, size)


def _row(rest: bytes) -> tuple[int, str]:
    said, tab, key = rest.partition(b"\t")
    number = whole(said)
    if not tab or number is None:
        raise NotCounted(f"not a count: {rest[:60]!r}")
    return number, key.decode("latin-1")
