"""Writes the awk program that counts a log on its node as `count.counted` does here, and reads its output. Pure.

POSIX awk only, in the C locale: mawk, gawk and busybox agree on it. Statements are few, because those of the main
block run for every line of the log.

The program's variables:
  st tm me pa ho cl by ag rt up us ut  a line's fields, see NAMES; q its request line, pa the path, then pattern
  s f c d e     counts of the slot `sl`: by shape, status and path, client, request time, backend and its time;
                yy bytes sent in it, nn keys in these tables, t0 the time that the slot was last found for
  S P C R U     the same by slot (Y: bytes sent); ns np nc: keys in S, P, C; O Q: what was squeezed out of P, C
  V M N G       duration -> bucket, request line -> pattern, request line less its last id -> pattern, methods; nv
                nm ni ng: how many keys they hold, mh: how often M was of use; OK: the statuses 000 to 999
  n ln p u w    bytes read, the line's length, console's probes, lines not in the format, lines left out by `where`
  r t k z       what is left of the piece, what follows its tail, a position, a value that nobody needs
  a i j o v e   scratch of one block or function
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from iamops.accesslog.count import KEPT, LONG_LINE, PROBE_MARK, SHAPE_FIELDS, Columns, CountQuery, Counts, is_key
from iamops.accesslog.extract import Cut, ExtractStep, plan_of
from iamops.accesslog.filter import FilterTerm, Where, awk_text
from iamops.accesslog.format import Escape, LogField, LogFormat, TimeFormat
from iamops.accesslog.values import FINE, ID_SEGMENT, INVALID, METHOD, VALUE_MAX, Resolution
from iamops.model.foreign import whole
from iamops.model.traffic import OTHERS

# The awk variable of each field.
NAMES = {
    LogField.STATUS: "st",
    LogField.TIME: "tm",
    LogField.METHOD: "me",
    LogField.PATH: "pa",
    LogField.HOST: "ho",
    LogField.CLIENT: "cl",
    LogField.BYTES: "by",
    LogField.AGENT: "ag",
    LogField.REQUEST_TIME: "rt",
    LogField.UPSTREAM: "up",
    LogField.UPSTREAM_STATUS: "us",
    LogField.UPSTREAM_TIME: "ut",
}


def counts_paths(query: CountQuery) -> bool:
    """Whether requests are counted by the pattern of their path."""
    return Columns.PATHS in query.columns and LogField.PATH in query.needed


def path_later(query: CountQuery) -> bool:
    """Whether a request line is looked up as it is, so that its path is only taken from a new one."""
    return (
        counts_paths(query)
        and LogField.PATH not in query.log_format.fields
        and LogField.PATH not in query.where.fields
    )


def values_taken(query: CountQuery) -> Iterator[str]:
    """Each needed variable into the awk variable of its first field."""
    for number, tokens in enumerate(query.log_format.segments, start=1):
        piece = f"${number}"
        for step in plan_of(tokens, query.variables):
            if isinstance(step, ExtractStep):
                yield from _taken(step, piece, query)
            else:
                yield from _cut(step, piece, query)
            piece = "r"
    for needed in sorted(query.needed):
        if query.log_format.fields.get(needed) in query.log_format.counted:
            name = NAMES[needed]
            yield f"if ({name} ~ /[,:]/) {name} = first({name}, split(up, a, /, | : /))"


def _cut(cut: Cut, piece: str, query: CountQuery) -> Iterator[str]:
    """The tail of a piece, as `extract.extract` finds it; `r` is what follows its literal."""
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
        yield from _taken(cut.client, "r", query)
        return
    yield f'if ({there}) {{ t = {behind}; {before} }} else t = r = ""'
    yield from _taken(cut.client, "r", query)
    yield "r = t"


def _taken(step: ExtractStep, piece: str, query: CountQuery) -> Iterator[str]:
    """One step, as `extract.extract` takes it. `piece` is what is left of the piece of the line."""
    length = len(step.prefix)
    if step.prefix:
        begins = f"substr({piece}, 1, {length}) == {awk_text(step.prefix)}"
        if step.width and step.until:
            ends = f"{begins} && {_stands(step.until, piece, length + step.width)}"
            yield from _assigned(step, query, *_fixed(step, piece, length), ends)
            return
        yield f'r = {begins} ? substr({piece}, {length + 1}) : ""'
        piece = "r"
    for literal in step.skips:
        yield f'r = ({_found(literal, piece)}) ? substr({piece}, k + {len(literal)}) : ""'
        piece = "r"
    until = len(step.until)
    if step.whole:
        longest = f"match({piece}, {awk_text('^' + step.whole)})"
        end = f"RLENGTH - {step.back}" if step.back else "RLENGTH"
        follows = f" && substr({piece}, {end} + 1, {until}) == {awk_text(step.until)}" if until else ""
        value, rest = f"substr({piece}, 1, {end})", f"substr({piece}, {end} + {until + 1})"
        yield from _assigned(step, query, value, rest, f"{longest}{follows}")
    elif step.width and step.until:
        yield from _assigned(step, query, *_fixed(step, piece), _stands(step.until, piece, step.width))
    elif step.width:
        value, rest = _fixed(step, piece)
        yield from _assigned(step, query, value)
        if not step.last:
            yield f"r = {rest}"
    elif not step.until:
        yield from _assigned(step, query, piece)
    else:
        value, rest = f"substr({piece}, 1, k - 1)", f"substr({piece}, k + {until})"
        yield from _assigned(step, query, value, rest, _found(step.until, piece))


def _found(literal: str, piece: str) -> str:
    """True where it stands in the piece; then `k` is where."""
    return f"k = index({piece}, {awk_text(literal)})"


def _stands(literal: str, piece: str, at: int) -> str:
    return f"substr({piece}, {at + 1}, {len(literal)}) == {awk_text(literal)}"


def _fixed(step: ExtractStep, piece: str, begin: int = 0) -> tuple[str, str]:
    """A value of fixed width behind the first `begin` characters, and what is left behind it."""
    end = begin + step.width
    return f"substr({piece}, {begin + 1}, {step.width})", f"substr({piece}, {end + len(step.until) + 1})"


def _assigned(
    step: ExtractStep, query: CountQuery, value: str, rest: str = "", condition: str = ""
) -> Iterator[str]:
    """The value into the awk variables of its fields, and `rest` into `r` if more is taken from it.

    Where there is a condition and it does not hold, both are empty.
    """
    fields = sorted(query.variables[step.variable]) if step.variable else []
    is_request = step.variable == query.log_format.fields.get(LogField.REQUEST)
    name = "q" if is_request else NAMES[fields[0]] if fields else "z"
    if not condition:
        yield f"{name} = {value}"
    elif step.last:
        yield f'{name} = ({condition}) ? {value} : ""'
    else:
        yield f'if ({condition}) {{ {name} = {value}; r = {rest} }} else {name} = r = ""'
    if not is_request:
        yield from (f"{NAMES[field]} = {name}" for field in fields[1:])
        return
    if LogField.METHOD in fields:
        yield 'me = (k = index(q, " ")) ? substr(q, 1, k - 1) : ""'
        unknown = f"if (me !~ /^{METHOD}$/) me = q = {awk_text(INVALID)}; else if (ng++ < {METHODS_MAX}) G[me]"
        yield f"if (!(me in G)) {{ {unknown} }}"
    if LogField.PATH in fields and not path_later(query):
        yield from path_of_request(query)


def path_of_request(query: CountQuery) -> Iterator[str]:
    """The path as it stands in the request line `q`, with its query; empty where it is none."""
    # Where the method is taken, what is no request line has no blank any more.
    checked = LogField.METHOD in query.needed and LogField.METHOD not in query.log_format.fields
    is_one = "" if checked else f" && q ~ /^{METHOD} /"
    yield f'pa = ((k = index(q, " ")){is_one}) ? substr(q, k + 1) : ""'
    yield 'if (k = index(pa, " ")) pa = substr(pa, 1, k - 1)'


# The most keys that a table keeps; then the rarest are counted together. It is also how many keys of one slot are
# counted before they are added to those that are kept: short keys are cheaper than long ones.
TABLE_MAX = 20_000
METHODS_MAX = 100
# How many request lines are remembered with their pattern, and times with their bucket.
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
function first(x, number,   n, k, i, a) {{
  if ((n = split(x, a, /, | : /)) > number) n = number > 1 ? number : 1
  k = length(a[1])
  for (i = 2; i <= n; i++) k += (substr(x, k + 1, 1) == "," ? 2 : 3) + length(a[i])
  return substr(x, 1, k)
}}
"""
# As `count.values` does it: what is escaped must not be taken for the end of a value.
_JSON = (r'index($0, "\\") { gsub(/\\\\/, "\001"); gsub(/\\"/, "\002") }',)
_DERIVED = 'for (k in P) { split(k, a, "\\t"); S[a[1], a[2]] += P[k] } for (k in O) S[k] += O[k]'
_PRINTED = (
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


def awk_program(query: CountQuery) -> str:
    """The program. It is fed complete lines, and stops behind `-v stop=` bytes.

    With `-v anchored=1` the first line is not counted, only printed back.
    """
    return "\n".join(
        (
            _SQUEEZE,
            *_spilling(query),
            'BEGIN { FS = "\\""; SUBSEP = "\\t"; t0 = "\\t"',
            "  if (!stop) stop = 1000000000000000",
            '  for (k = 0; k < 1000; k++) OK[sprintf("%03d", k)] = 1 }',
            "n >= stop { exit }",
            "{ n += (ln = length($0)) + 1 }",
            'anchored && NR == 1 { print "A\\t" $0; next }',
            *(_JSON if query.log_format.escape is Escape.JSON else ()),
            f"NF != {len(query.log_format.segments)} {{ u++; next }}",
            "{",
            *(f"  {line}" for line in values_taken(query)),
            *(f"  {line}" for line in _counting(query)),
            "}",
            "END {",
            "  spill()",
            *([f"  {_DERIVED}"] if _shapes_follow(query) else []),
            *(f"  {line}" for line in _PRINTED),
            "}",
        )
    )


def backend_awk_program(form: LogFormat, endpoint: str) -> str:
    """Prints how many lines say that the backend was asked, and how many are not in the format.

    The format must have LogField.UPSTREAM.
    """
    query = CountQuery(form, Columns.NOTHING, Where(terms=(FilterTerm(LogField.UPSTREAM, "=", endpoint),)))
    # By default nginx writes a dash for nothing.
    nobody = ' || up == ""' if form.escape is Escape.DEFAULT else ""
    return "\n".join(
        (
            'BEGIN { FS = "\\"" }',
            *(_JSON if form.escape is Escape.JSON else ()),
            f"NF != {len(form.segments)} {{ u++; next }}",
            "{",
            *(f"  {line}" for line in values_taken(query)),
            f"  if (st !~ /^[0-9][0-9][0-9]$/{nobody}) {{ u++; next }}",
            f"  if ({query.where.awk(NAMES.__getitem__)}) n++",
            "}",
            'END { printf "%d %d\\n", n, u }',
        )
    )


def _shapes_follow(query: CountQuery) -> bool:
    """Whether the statuses follow from the paths, so that they need no table of their own."""
    return Columns.SHAPE not in query.columns and counts_paths(query)


def _counting(query: CountQuery) -> Iterator[str]:
    needed, want = query.needed, query.columns
    yield "if (!(st in OK)) { u++; next }"
    if LogField.PATH in needed and not path_later(query):
        yield 'if (k = index(pa, "?")) pa = substr(pa, 1, k - 1)'
    condition = query.where.awk(lambda field: NAMES[field] if field in needed else '""')
    if condition:
        yield f"if (!({condition})) {{ w++; next }}"
    if LogField.AGENT in needed:
        yield f"if (substr(ag, 1, {len(PROBE_MARK)}) == {awk_text(PROBE_MARK)}) p++"
    yield from _slot(query)
    if kept := {NAMES[field]: most for field, most in KEPT.items() if field in needed}:
        # A long line's values are cut; asking once per line is cheaper than once per value.
        cut = "; ".join(f"{name} = substr({name}, 1, {most})" for name, most in kept.items())
        yield f"if (ln > {LONG_LINE}) {{ {cut} }}"
    if Columns.SHAPE in want:
        fields = (NAMES[field] if field in needed else '""' for field in SHAPE_FIELDS)
        yield _one_more(f"s[st, {', '.join(fields)}]")
        if LogField.BYTES in needed:
            yield "if (by ~ /^[0-9]+$/ && length(by) < 16) yy += by"
    elif not _shapes_follow(query):
        yield _one_more("s[st]")
    if counts_paths(query):
        yield from _pattern(query)
        yield _one_more("f[st, pa]")
    if Columns.CLIENTS in want and LogField.CLIENT in needed:
        yield _one_more("c[cl]")
    if Columns.TIMES in want and LogField.REQUEST_TIME in needed:
        yield _one_more("d[rt]")
    if Columns.TIMES in want and {LogField.UPSTREAM, LogField.UPSTREAM_TIME} <= needed:
        # No line holds a newline, so the two can be told apart again.
        yield _one_more('e[up "\\n" ut]')


def _one_more(place: str) -> str:
    return f"if (!{place}++ && ++nn > {TABLE_MAX}) spill()"


def _slot(query: CountQuery) -> Iterator[str]:
    """Found again only when the time has changed. A tab in it would be taken for the end of a key's part."""
    if Columns.TIME not in query.columns or LogField.TIME not in query.needed:
        return
    finer = 2 if query.resolution is Resolution.TEN_SECONDS else 0
    match query.log_format.time_format:
        case TimeFormat.LOCAL:
            slot = f"k = substr(tm, 1, {17 + finer}) substr(tm, 22, 5)"
        case TimeFormat.ISO:
            slot = f"k = substr(tm, 1, {16 + finer}) substr(tm, 20, 6)"
        case _:
            number = 'k = index(tm, ".") ? substr(tm, 1, index(tm, ".") - 1) : tm'
            span_s = int(query.resolution)
            divided = f'sprintf("%.0f", (k - k % {span_s}) / {span_s})'
            slot = f'{number}; k = (k ~ /^[0-9]+$/ && length(k) < 13) ? {divided} : ""'
    yield f"if (tm != t0) {{ t0 = tm; {slot}"
    yield r'  if (index(k, "\t")) k = ""; if (k != sl) { spill(); sl = k } }'


def _pattern(query: CountQuery) -> Iterator[str]:
    """A request line that was seen before is looked up. So is one that differs from one before in its last id."""
    key, end = ("q", " ") if path_later(query) else ("pa", "")
    segment, last = (f"\\/{ID_SEGMENT}{ending}" for ending in (r"\/", end or "$"))
    yield f"if (nm > 0 && {key} in M) {{ pa = M[{key}]; mh++ }}"
    yield "else {"
    # Where hardly any request line comes twice, remembering them costs more than it saves: it rests for a while.
    yield f"  if (++nm > {MEMORY_MAX}) {{ delete M; nm = (mh < nm) ? -{MEMORY_REST} : 1; mh = 0 }}"
    yield f"  o = {key}"
    yield f'  i = length({key}) <= {VALUE_MAX} && sub(/{last}/, "/:id{end}", {key})'
    yield f"  if (i && {key} in N) pa = N[{key}]"
    yield "  else {"
    yield f"    j = {key}"
    if path_later(query):
        yield from (f"    {line}" for line in path_of_request(query))
        yield '    if (k = index(pa, "?")) pa = substr(pa, 1, k - 1)'
    yield f"    if (length(pa) > {VALUE_MAX}) pa = substr(pa, 1, {VALUE_MAX})"
    yield '    pa = pa "/"'
    yield f'    k = gsub(/{segment}/, "/:id/", pa)'
    # A match takes both slashes, so the second of two neighbours waits; behind a last one there is none.
    yield f'    if (k > 1 || k && index(pa, "/:id/") + 4 < length(pa)) gsub(/{segment}/, "/:id/", pa)'
    yield "    pa = substr(pa, 1, length(pa) - 1)"
    yield f"    if (i) {{ if (++ni > {MEMORY_MAX}) {{ delete N; ni = 1 }} N[j] = pa }}"
    yield "  }"
    yield "  if (nm > 0) M[o] = pa"
    yield "}"


def _spilling(query: CountQuery) -> Iterator[str]:
    """Adds what was counted of one slot to what is kept by slot."""
    yield "function spill(  k, j, a) {"
    if not _shapes_follow(query):
        yield "  for (k in s) {"
        yield "    j = sl SUBSEP k"
        if Columns.SHAPE in query.columns:
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


# How many parts a key has at least behind its slot, in each of the program's tables.
PARTS = {b"S": 1, b"Y": 0, b"P": 2, b"C": 1, b"R": 1, b"U": 1}


class NotCounted(ValueError):
    """What came back is not what the program prints."""


@dataclass(frozen=True, slots=True)
class CountResult:
    """What the awks printed together. `anchor`: the first line, if it was printed back. `size`: bytes read."""

    counts: Counts = field(default_factory=Counts)
    anchor: bytes | None = None
    size: int = 0


def count_result(lines: Iterable[bytes], awks: int = 1) -> CountResult:
    """What `awks` awks printed, one after the other. Raises NotCounted."""
    counts, anchor, size, ended = Counts(), None, 0, 0
    tables = dict(zip(PARTS, counts.tables, strict=True))
    for line in lines:
        kind, _, rest = line.partition(b"\t")
        if kind == b"A":
            anchor = rest
            continue
        if kind in tables:
            word, tab, key = rest.decode("latin-1").partition("\t")
            number = whole(word)
            if number is not None and tab and is_key(key, PARTS[kind], status=kind in b"SP"):
                tables[kind][key] += number
                continue
        match [whole(word) for word in rest.split(b"\t", 4)]:
            case [int(probes), int(unparsed), int(left_out), int(read)] if kind == b"E":
                counts.probes += probes
                counts.unparsed += unparsed
                counts.left_out += left_out
                size += read
                ended += 1
            case _:
                raise NotCounted(f"not a count: {line[:60]!r}")
    if ended != awks:
        raise NotCounted("the count broke off")
    return CountResult(counts, anchor, size)
