"""Words and marks as directives. What a directive means is not known here."""

from __future__ import annotations

import msgspec

from sealos_gateway.nginx.lexer import Mark, NginxError, Position, Word, tokens

#: nginx allows `if` in a location and no deeper; more can only be a mistake.
_DEEPEST = 8


class Directive(msgspec.Struct, frozen=True, gc=False):
    """`name arguments;` or `name arguments { block }`; `block` is None for the first form."""

    name: str
    at: Position
    arguments: tuple[Word, ...] = ()
    block: tuple[Directive, ...] | None = None


class _Open:
    """A block that is being read, and the words of the directive in it that is not complete yet."""

    def __init__(self, mark: Mark | None, head: list[Word]) -> None:
        self.mark, self.head = mark, head
        self.directives: list[Directive] = []
        self.words: list[Word] = []


def parse(text: str) -> tuple[Directive, ...]:
    """The directives of `text`. Raises NginxError with what was expected."""
    stack = [_Open(None, [])]
    for token in tokens(text):
        top = stack[-1]
        match token:
            case Word():
                top.words.append(token)
            case Mark(";"):
                top.directives.append(_directive(top.words, token, None))
                top.words = []
            case Mark("{"):
                if not top.words:
                    raise NginxError(token.at, "{ stands alone: write the name of a directive before it")
                if len(stack) > _DEEPEST:
                    raise NginxError(token.at, f"blocks stand in each other more than {_DEEPEST} deep")
                stack.append(_Open(token, top.words))
                top.words = []
            case _:
                _close(stack, token)
    if stack[-1].words:
        word = stack[-1].words[0]
        raise NginxError(word.at, f"the text ends within {_shown(word)}: write ; after its last argument")
    if (opened := stack[-1].mark) is not None:
        raise NginxError(opened.at, "the block that opens here does not end: write } after its last directive")
    return tuple(stack[0].directives)


def _close(stack: list[_Open], mark: Mark) -> None:
    top = stack[-1]
    if top.words:
        raise NginxError(mark.at, f"}} comes within {_shown(top.words[0])}: write ; after its last argument")
    if top.mark is None:
        raise NginxError(mark.at, "} closes nothing: remove it, or write the { it belongs to")
    stack.pop()
    stack[-1].directives.append(_directive(top.head, mark, tuple(top.directives)))


def _directive(words: list[Word], mark: Mark, block: tuple[Directive, ...] | None) -> Directive:
    if not words:
        raise NginxError(mark.at, "; stands alone: remove it, or write a directive before it")
    return Directive(words[0].text, words[0].at, tuple(words[1:]), block)


def _shown(word: Word) -> str:
    return repr(word.text[:40])
