"""Which characters of foreign text move a cursor, or hide or reorder what a person reads."""

from __future__ import annotations

# For a regular expression's class: C0, C1 and DEL, and lone surrogates; line and paragraph separators and the
# bidirectional controls; every other character that Unicode calls default-ignorable (zero widths, joiners,
# fillers, variation selectors, tags: what is said in them is not seen); all other format characters, and
# noncharacters. Skin tones, which have no width for whoever measures a line, and two columns in terminals.
HARMFUL = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\U000110bd\U000110cd\U00013430-\U00013440\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff"
)
