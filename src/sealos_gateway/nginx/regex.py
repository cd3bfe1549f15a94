"""Whether a regular expression that was written for PCRE means the same to Envoy, which has RE2.

RE2 itself is asked (`google-re2`, the library Envoy is built with), so its answer is the truth. What it refuses is
explained in the words of the person who wrote the pattern.
"""

from __future__ import annotations

import functools
import re

import re2

#: A pattern this long is no route; RE2 would take it, and its program would cost every Envoy memory.
LONGEST = 2048
#: RE2's own measure of what an expression costs. Envoy's limit (`envoy/bootstrap.py`) is above it, because what is sent
#: has a little more around it.
LARGEST_PROGRAM = 2_000

_LOOK_AROUND = re.compile(r"\(\?(?:=|!|<=|<!)")
_ATOMIC = re.compile(r"\(\?>|[*+?}]\+")
_BACK_REFERENCE = re.compile(r"\\[1-9]|\\k[<{']|\(\?P=")
#: What means one thing to PCRE and another to RE2, or is refused by RE2 in words nobody understands.
_REASONS = (
    (
        _LOOK_AROUND,
        "look-around such as (?=…) or (?!…) is not supported; match what shall match, in rules of their own",
    ),
    (_ATOMIC, "atomic groups and possessive quantifiers are not supported; write a plain group or quantifier"),
    (_BACK_REFERENCE, "a back-reference such as \\1 within the pattern is not supported; write the text out"),
    (re.compile(r"\\[KGR]"), "\\K, \\G and \\R are not supported; write the pattern without them"),
    (re.compile(r"\\[hHvV]"), "\\h and \\v are not supported; write [ \\t] or \\s"),
    (re.compile(r"\(\?(?:\(|R\)|[0-9]+\)|&)"), "conditions and recursion are not supported; write several patterns"),
)


def problem(pattern: str) -> str:
    """Why the pattern cannot be used, and what to write instead; empty when it can."""
    if len(pattern) > LONGEST:
        return f"it has {len(pattern)} characters, more than {LONGEST}; write several shorter ones"
    try:
        size = compiled(pattern).programsize
    except UnicodeEncodeError:
        return "it is not text: it holds half of a surrogate pair"
    except re2.error as error:
        said = next((reason for found, reason in _REASONS if found.search(_without_classes(pattern))), "")
        return said or f"it is no regular expression of RE2: {_words(error)}"
    if size > LARGEST_PROGRAM:
        return "it is too large when compiled; use smaller repetition counts, or several patterns"
    return ""


def searches(pattern: str, text: str, ignore_case: bool = False) -> tuple[str, ...] | None:
    """The groups of the first match anywhere in `text`, or None. The pattern has no `problem`.

    The whole match comes first; a group that took no part is the empty text.
    """
    found = compiled(f"(?i){pattern}" if ignore_case else pattern).search(text)
    return None if found is None else (found.group(0), *(group or "" for group in found.groups()))


def groups(pattern: str) -> int:
    """How many capturing groups the pattern has. The pattern has no `problem`."""
    return int(compiled(pattern).groups)


@functools.lru_cache(maxsize=1024)
def compiled(pattern: str) -> re2._Regexp:
    """The pattern as RE2 understands it. Raises re2.error."""
    options = re2.Options()
    options.log_errors = False  # its own log goes to standard error, whatever we think of it
    return re2.compile(pattern, options=options)


def _without_classes(pattern: str) -> str:
    """The pattern without escaped backslashes and character classes: what stands in them has another meaning."""
    return re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "[]", pattern.replace("\\\\", ""))


def _words(error: re2.error) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
