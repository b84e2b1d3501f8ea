"""Phones of VocalTractLab's German inventory (X-SAMPA), what they do, and random strings of them.

A phone that VocalTractLab does not know it drops without a word; therefore every name is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sslse.errors import DataError
from sslse.names import nearest

PAUSE = "_"
VOWELS = tuple("a e i o u E: 2 y I E O U 9 Y @ 6".split())
DIPHTHONGS = {"aI": ("a", "I"), "aU": ("a", "U"), "OY": ("O", "Y")}


@dataclass(frozen=True)
class Consonant:
    """What a consonant asks of the vocal tract.

    Args:
        tier: articulator: ``lip``, ``tongue-tip``, ``tongue-body``, or empty for the glottis alone.
        shapes: shapes of that articulator, one after another.
        glottis: shape of the glottis; ``modal`` keeps voicing.
        nasal: whether the velum is open.
    """

    tier: str
    shapes: tuple[str, ...]
    glottis: str = "modal"
    nasal: bool = False


def _consonants() -> dict[str, Consonant]:
    places = {"lip": "ll-labial", "tongue-tip": "tt-alveolar", "tongue-body": "tb-velar"}
    table = {}
    for voiceless, voiced, nasal, tier in zip(
        "ptk", "bdg", "mnN", ("lip", "tongue-tip", "tongue-body"), strict=True
    ):
        closure = (f"{places[tier]}-closure",)
        table[voiceless] = Consonant(tier, closure, "voiceless-plosive")
        table[voiced] = Consonant(tier, closure, "voiced-plosive")
        table[nasal] = Consonant(tier, closure, nasal=True)
    fricatives = {
        "f v": ("lip", "ll-dental"),
        "s z": ("tongue-tip", "tt-alveolar"),
        "S Z": ("tongue-tip", "tt-postalveolar"),
        "T D": ("tongue-tip", "tt-dental"),
        "C j": ("tongue-body", "tb-palatal"),
        "x r": ("tongue-body", "tb-uvular"),
    }
    for pair, (tier, place) in fricatives.items():
        voiceless, voiced = pair.split()
        table[voiceless] = Consonant(tier, (f"{place}-fricative",), "voiceless-fricative")
        table[voiced] = Consonant(tier, (f"{place}-fricative",), "voiced-fricative")
    table["j"] = Consonant("tongue-body", ("tb-palatal-fricative",))
    table["R"] = table["r"]
    table["l"] = Consonant("tongue-tip", ("tt-alveolar-lateral",))
    table["h"] = Consonant("", (), "h")
    table["?"] = Consonant("", (), "stop")
    for name, tier, first, second, glottis in (
        ("pf", "lip", "ll-labial-closure", "ll-dental-fricative", "voiceless"),
        ("ts", "tongue-tip", "tt-alveolar-closure", "tt-alveolar-fricative", "voiceless"),
        ("tS", "tongue-tip", "tt-postalveolar-closure", "tt-postalveolar-fricative", "voiceless"),
        ("dZ", "tongue-tip", "tt-postalveolar-closure", "tt-postalveolar-fricative", "voiced"),
    ):
        table[name] = Consonant(tier, (first, second), f"{glottis}-fricative")
    return table


CONSONANTS = _consonants()
KNOWN = (PAUSE, *VOWELS, *DIPHTHONGS, *CONSONANTS)

# Seconds at a normal rate; drawn within ±25 %.
VOWEL_SECONDS, DIPHTHONG_SECONDS, CONSONANT_SECONDS, PAUSE_SECONDS = 0.115, 0.17, 0.085, 0.14
ONSETS = (*"p t k b d g m n f v s z S x h l r j C".split(), "ts", "pf", "tS", "dZ", "T", "D", "Z")
CODAS = tuple("p t k m n N f s S C x l r ts".split())


def check_phones(phones: Sequence[str], utterance: str) -> None:
    """Refuse phones that the synthesiser does not have.

    Raises:
        DataError: an unknown phone; the message names it, its place and the nearest known one.
    """
    for place, phone in enumerate(phones, 1):
        # A mark of length changes nothing: duration is given in seconds.
        if phone not in KNOWN and phone.removesuffix(":") not in KNOWN:
            raise DataError(
                f"utterance {utterance}: phone {place} is '{phone}', which VocalTractLab does not "
                f"have{nearest(phone, KNOWN[1:], cutoff=0.3)} ({PAUSE} is a pause)"
            )


def draw_phones(generator: np.random.Generator, seconds: float) -> list[tuple[str, float]]:
    """Draw words of one to three random syllables until they fill the time.

    Args:
        generator: source of chance.
        seconds: wanted duration at a normal rate; the last word may exceed it.

    Returns:
        (phone, seconds at a normal rate), with pauses at both ends and between some words.
    """

    def lasting(phone: str, seconds: float) -> tuple[str, float]:
        return phone, round(seconds * generator.uniform(0.75, 1.25), 4)

    spoken = [lasting(PAUSE, PAUSE_SECONDS)]
    full = VOWELS[:14]
    while sum(duration for _, duration in spoken) < seconds:
        for syllable in range(int(generator.integers(1, 4))):
            if generator.random() < 0.85 or syllable:
                spoken.append(lasting(str(generator.choice(ONSETS)), CONSONANT_SECONDS))
            if generator.random() < 0.15:
                spoken.append(lasting(str(generator.choice(list(DIPHTHONGS))), DIPHTHONG_SECONDS))
            else:
                reduced = syllable > 0 and generator.random() < 0.3
                vowel = str(generator.choice(VOWELS[14:] if reduced else full))
                spoken.append(lasting(vowel, VOWEL_SECONDS))
        if generator.random() < 0.5:
            spoken.append(lasting(str(generator.choice(CODAS)), CONSONANT_SECONDS))
        if generator.random() < 0.25:
            spoken.append(lasting(PAUSE, PAUSE_SECONDS))
    if spoken[-1][0] != PAUSE:
        spoken.append(lasting(PAUSE, PAUSE_SECONDS))
    return spoken
