"""Check a text of processing rules (Chinese, English or both): which required elements it has, and how it reads.

Linear in the text's length. Whether the rules are true is another matter: this only says what they say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_conformance.analysis.policy_cues import (
    CLOUD,
    CUES,
    DENIALS,
    LINKS,
    LOOKALIKES,
    NAMES,
    ON_DEVICE,
    PERIOD,
    PLACEHOLDERS,
    REACHED,
    RIGHTS,
    SENSITIVE,
    SIMPLIFIED,
    TRADITIONAL,
    VAGUE,
)

Language = Literal["zh-Hans", "zh-Hant", "latin", "other", "none"]

LARGEST = 400_000
"""Characters of a text that are read; what follows is left out and said to be."""
HEADING = 30
"""Characters up to which a sentence may be a heading, its content being the next one."""
EXCERPT = 160
"""Characters of a passage that are quoted as evidence."""
LABELLED = 40
"""Characters after a cue in which a colon makes it a label."""
SENTENCE = re.compile(r"[。！？；;!?\r\n]|\.(?=\s|$)")
CLAUSE = re.compile(r"[，,、：:（）()]")
LABEL = re.compile(r"[^：:]{1,40}[：:]")


@dataclass(frozen=True)
class Element:
    """One required element: whether the text has it, and the passage that shows it.

    `remark` tells why a passage that speaks of it does not count: "vague", "placeholder" or "empty".
    """

    name: str
    present: bool
    passage: str = ""
    remark: str = ""


@dataclass(frozen=True)
class Readability:
    """Facts on length and language. Lengths in characters; `han` counts Chinese characters.

    `language`: Chinese in the simplified or traditional script, else the script of most letters.
    """

    language: Language
    characters: int
    han: int
    sentences: int
    longest_sentence: int


@dataclass(frozen=True)
class RulesFinding:
    """What a text of processing rules says."""

    elements: tuple[Element, ...]
    readability: Readability
    names_cloud: bool
    """Some passage says that data go to a cloud or server."""
    denies_cloud: bool
    """Some passage says that they do not."""
    leads_to_more: bool
    """The text leads to fuller rules: a code to scan, a web address, the app."""
    truncated: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the elements that any rules must have and these have not."""
        return self._missing((*NAMES, "model"))

    @property
    def missing_on_device(self) -> tuple[str, ...]:
        """As `missing`; a notice that leads to the full rules need only say who, what for and which data."""
        return self._missing(ON_DEVICE) if self.leads_to_more else self.missing

    @property
    def missing_for_sensitive(self) -> tuple[str, ...]:
        """Names of the elements that sensitive information calls for in addition and that are missing."""
        return self._missing(SENSITIVE)

    def element(self, name: str) -> Element:
        """Return the finding on one element; KeyError when there is none of that name."""
        for element in self.elements:
            if element.name == name:
                return element
        raise KeyError(name)

    def _missing(self, names: Collection[str]) -> tuple[str, ...]:
        return tuple(element.name for element in self.elements if element.name in names and not element.present)


def check_rules(text: str, model: str = "") -> RulesFinding:
    """Read `text`; with `model` the rules must also name this product (white space and case aside)."""
    truncated = len(text) > LARGEST
    text = text[:LARGEST]
    sentences = [sentence.strip() for sentence in SENTENCE.split(text)]
    sentences = [sentence for sentence in sentences if sentence]
    folded = [_folded(sentence) for sentence in sentences]
    elements = [_element(name, sentences, folded) for name in (*NAMES, *SENSITIVE)]
    if model:
        elements.append(_model(model, text))
    clauses = [clause for sentence in folded for clause in CLAUSE.split(sentence)]
    cloudy = [clause for clause in clauses if _holds(clause, CLOUD)]
    denied = [clause for clause in cloudy if _holds(clause, DENIALS)]
    return RulesFinding(
        tuple(elements),
        _readability(text, sentences),
        names_cloud=len(cloudy) > len(denied),
        denies_cloud=bool(denied),
        leads_to_more=_holds(text.casefold(), LINKS),
        truncated=truncated,
    )


def _folded(sentence: str) -> str:
    folded = sentence.casefold()
    for word in LOOKALIKES:
        folded = folded.replace(word, " ")
    return folded


def _element(name: str, sentences: Sequence[str], folded: Sequence[str]) -> Element:
    """Find a sentence that has the element: one with substance, else one that only speaks of it."""
    if name == "rights":
        return _rights(sentences, folded)
    spoken = Element(name, False)
    for position, sentence in enumerate(folded):
        cue = next((cue for cue in CUES[name] if cue in sentence), None)
        if cue is None:
            continue
        remark, shown = _flaw(name, sentence, cue), sentences[position]
        if remark == "empty" and (content := _under(folded, position)):
            remark, shown = _flaw(name, f"{sentence}: {content}", cue), f"{shown} {sentences[position + 1]}"
        if not remark:
            return Element(name, True, _excerpt(shown))
        if not spoken.remark:
            spoken = Element(name, False, _excerpt(shown), remark)
    return spoken


def _under(sentences: Sequence[str], position: int) -> str:
    """Return the sentence under a heading; "" when this one is too long for a heading, or the next has its own."""
    if len(sentences[position]) > HEADING or position + 1 >= len(sentences):
        return ""
    content = sentences[position + 1]
    return "" if LABEL.match(content) else content


def _flaw(name: str, sentence: str, cue: str) -> str:
    """Return why a sentence with a cue does not say what it should; "" when it does."""
    if _holds(sentence, PLACEHOLDERS):
        return "placeholder"
    head, _, tail = sentence.partition(cue)
    _, colon, content = tail[:LABELLED].replace("：", ":").partition(":")
    if colon:
        content += tail[LABELLED:]
    if name == "retention":
        return "" if PERIOD.search(sentence) else "vague" if _holds(sentence, VAGUE) else "empty"
    if name == "contact":
        return "" if REACHED.search(sentence) else "empty"
    if colon:
        return "" if _substance(content, 2, 4) else "empty"
    return "" if _substance(tail, 2, 4) or _substance(head, 8, 16) else "empty"


def _substance(text: str, least_han: int, least_letters: int) -> bool:
    """Tell whether there is something to read: so many Chinese characters, or so many letters and digits."""
    han = letters = 0
    for character in text:
        if "\u4e00" <= character <= "\u9fff":
            han += 1
        elif character.isalnum():
            letters += 1
        if han >= least_han or letters >= least_letters:
            return True
    return False


def _rights(sentences: Sequence[str], folded: Sequence[str]) -> Element:
    """Two different rights at least must be named, in one sentence or several."""
    named: set[int] = set()
    most: set[int] = set()
    shown = ""
    for sentence, low in zip(sentences, folded, strict=True):
        found = {number for number, words in enumerate(RIGHTS) if _holds(low, words)}
        if not found or _holds(low, PLACEHOLDERS):
            continue
        named |= found
        if len(found) > len(most):
            most, shown = found, sentence
    return Element("rights", len(named) >= 2, _excerpt(shown), "only one right" if len(named) == 1 else "")


def _model(model: str, text: str) -> Element:
    wanted = "".join(model.split()).casefold()
    return Element("model", bool(wanted) and wanted in "".join(text.split()).casefold(), model)


def _readability(text: str, sentences: Sequence[str]) -> Readability:
    han = simplified = traditional = latin = others = 0
    for character in text:
        if "\u4e00" <= character <= "\u9fff":
            han += 1
            simplified += character in SIMPLIFIED and character not in TRADITIONAL
            traditional += character in TRADITIONAL and character not in SIMPLIFIED
        elif character.isalpha():
            latin += character.isascii()
            others += not character.isascii()
    return Readability(
        _language(han, traditional > simplified, latin, others),
        len(text),
        han,
        len(sentences),
        max(map(len, sentences), default=0),
    )


def _language(han: int, traditional: bool, latin: int, others: int) -> Language:
    """Chinese counts as the language of a bilingual text when it has at least a fifth of its letters."""
    if han + latin + others == 0:
        return "none"
    if han * 4 >= latin + others:
        return "zh-Hant" if traditional else "zh-Hans"
    return "latin" if latin > others else "other"


def _holds(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)


def _excerpt(passage: str) -> str:
    flat = " ".join(passage.split())
    return flat if len(flat) <= EXCERPT else f"{flat[: EXCERPT - 1]}…"


def names_face(text: str) -> bool:
    """Tell whether a notice says that faces are processed; looks at no more than `LARGEST` characters."""
    looked_at = text[:LARGEST].casefold()
    return "人脸" in looked_at or "面部" in looked_at or "face" in looked_at or "facial" in looked_at
