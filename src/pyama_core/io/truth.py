"""Truth values as programs and spreadsheets of many languages write them."""

from __future__ import annotations

from typing import Final

_TRUE: Final = """
    true wahr vrai verdadero vero verdadeiro waar sant sand sann tosi prawda pravda igaz adevărat
    doğru cert истина істина αληθησ αληθεσ
"""
"""Excel and LibreOffice in English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish,
Danish, Norwegian, Finnish, Polish, Czech, Hungarian, Romanian, Turkish, Catalan, Russian,
Ukrainian and Greek, without capitals."""

_FALSE: Final = """
    false falsch faux falso onwaar falskt falsk usann epätosi fałsz nepravda hamis fals
    yanlış yanliş ложь хибність хиба ψευδησ ψευδεσ
"""

_YES: Final = "t y yes j ja oui si sí sì sim tak да"
_NO: Final = "f n no nein non não nee nej nei nie нет"
"""What people type, and the letters of R."""

_WORDS: Final = {
    **dict.fromkeys((_TRUE + _YES).split(), True),
    **dict.fromkeys((_FALSE + _NO).split(), False),
}

ALLOWED: Final = "TRUE or FALSE, yes or no, 1 or 0"
"""For messages."""


def folded(text: str) -> str:
    """Return text as the words here are written: without spaces around it and capitals."""
    return text.strip().casefold().replace("i\u0307", "i")


def truth_of(text: str) -> bool | None:
    """Return whether text means true or false; None where it means neither.

    Examples
    --------
    >>> truth_of(" WAHR "), truth_of("F"), truth_of("1,0"), truth_of("maybe")
    (True, False, True, None)
    """
    word = folded(text)
    known = _WORDS.get(word)
    return known if known is not None else _number(word)


def _number(word: str) -> bool | None:
    if "_" in word:
        return None
    try:
        value = float(word.replace(",", "."))
    except ValueError:
        return None
    return {0.0: False, 1.0: True}.get(value)
