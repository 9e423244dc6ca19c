"""Writes the awk program that counts a log on its node as `log_counts` does here: the same keys, the same rules.

POSIX awk only, in the C locale: mawk, gawk and busybox agree on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from console.model.traffic import OTHERS
from console.parse.log_awk_values import NAMES, counts_paths, path_later, path_of_request, values_taken
from console.parse.log_counts import KEPT, LONG_LINE, PROBE_MARK, Recipe, Want
from console.parse.log_format import Clock, Escape, Field, LogFormat
from console.parse.log_where import Term, Where, awk_text
from console.parse.log_words import FINE, ID_SEGMENT, VALUE_MAX, Grain

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


def awk_program(recipe: Recipe) -> str:
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


def asked_program(form: LogFormat, endpoint: str) -> str:
    """Prints how many lines say that the backend was asked, and how many are not in the format.

    The format must tell Field.UPSTREAM.
    """
    recipe = Recipe(form, Want.NOTHING, Where(terms=(Term(Field.UPSTREAM, "=", endpoint),)))
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


def _shapes_follow(recipe: Recipe) -> bool:
    """Whether the statuses can be told from the paths, so that they need no table of their own."""
    return Want.SHAPE not in recipe.want and counts_paths(recipe)


def _counting(recipe: Recipe) -> Iterator[str]:
    needed, want = recipe.needed, recipe.want
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
    if Want.CLIENTS in want and Field.CLIENT in needed:
        yield _one_more("c[cl]")
    if _times(recipe):
        yield _one_more("d[rt]")
    if _answers(recipe):
        # No line holds a newline, so the two can be told apart again.
        yield _one_more('e[up "\\n" ut]')


def _one_more(place: str) -> str:
    return f"if (!{place}++ && ++nn > {TABLE_MAX}) spill()"


def _times(recipe: Recipe) -> bool:
    return Want.TIMES in recipe.want and Field.REQUEST_TIME in recipe.needed


def _answers(recipe: Recipe) -> bool:
    return Want.TIMES in recipe.want and {Field.UPSTREAM, Field.UPSTREAM_TIME} <= recipe.needed


def _slot(recipe: Recipe) -> Iterator[str]:
    """Told anew only when the time is another one. A tab in it would be taken for the end of a key's part."""
    if Want.TIME not in recipe.want or Field.TIME not in recipe.needed:
        return
    finer = 2 if recipe.grain is Grain.TEN_SECONDS else 0
    match recipe.form.clock:
        case Clock.LOCAL:
            slot = f"k = substr(tm, 1, {17 + finer}) substr(tm, 22, 5)"
        case Clock.ISO:
            slot = f"k = substr(tm, 1, {16 + finer}) substr(tm, 20, 6)"
        case _:
            number = 'k = index(tm, ".") ? substr(tm, 1, index(tm, ".") - 1) : tm'
            grain = int(recipe.grain)
            whole = f'sprintf("%.0f", (k - k % {grain}) / {grain})'
            slot = f'{number}; k = (k ~ /^[0-9]+$/ && length(k) < 13) ? {whole} : ""'
    yield f"if (tm != t0) {{ t0 = tm; {slot}"
    yield r'  if (index(k, "\t")) k = ""; if (k != sl) { spill(); sl = k } }'


def _cuts(recipe: Recipe) -> Iterator[str]:
    """A long line's values are kept short; asking once per line is cheaper than once per value."""
    names = [NAMES[field] for field in KEPT if field in recipe.needed]
    if names:
        cut = "; ".join(f"{name} = substr({name}, 1, {VALUE_MAX})" for name in names)
        yield f"if (ln > {LONG_LINE}) {{ {cut} }}"


def _shape(recipe: Recipe) -> Iterator[str]:
    if Want.SHAPE not in recipe.want:
        yield _one_more("s[st]")
        return
    parts = (Field.METHOD, Field.HOST, Field.UPSTREAM, Field.UPSTREAM_STATUS)
    key = ", ".join(["st", *(NAMES[field] if field in recipe.needed else '""' for field in parts)])
    yield _one_more(f"s[{key}]")
    if Field.BYTES in recipe.needed:
        yield "if (by ~ /^[0-9]+$/ && length(by) < 16) yy += by"


def _pattern(recipe: Recipe) -> Iterator[str]:
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


def _spilling(recipe: Recipe) -> Iterator[str]:
    """Adds what was counted of one slot to what is kept by slot."""
    yield "function spill(  k, j, a) {"
    if not _shapes_follow(recipe):
        yield "  for (k in s) {"
        yield "    j = sl SUBSEP k"
        if Want.SHAPE in recipe.want:
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
