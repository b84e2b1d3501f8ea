"""Gestural scores of VocalTractLab, written by ourselves: its own converter takes 0.6 s of CPU time
for a second of speech, this takes none.

A consonant's gesture begins before its acoustic onset and ends before its offset, because an
articulator needs that time to arrive and to leave. The leads below are those that VocalTractLab's
converter uses, read off its scores; since targets come from the resulting motion, labels need no
exact match.
"""

from __future__ import annotations

from collections.abc import Sequence

from phones import CONSONANTS, DIPHTHONGS, PAUSE

VOWEL_LEAD = 0.02  # s that the vowel begins before the consonant in front of it
# (s before the acoustic onset, s before the acoustic offset)
CLOSURE = (0.082, 0.042)
FRICATIVE = (0.075, 0.047)
LATERAL = (0.065, 0.055)
VELUM = (0.068, 0.053)
PLOSIVE_GLOTTIS = (0.010, 0.040)
FRICATIVE_GLOTTIS = (0.057, 0.057)
TIME_CONSTANT = 0.012  # s, of the movement towards a target
VELUM_OPENING = 0.5  # cm²
PRESSURE = 8000  # dPa, from the lungs
BREATH = (0.05, 0.03)  # s that pressure comes before the first phone, and goes before the last ends
UNITS = {"velic": "", "f0": "st", "lung-pressure": "dPa"}
TIERS = ("vowel", "lip", "tongue-tip", "tongue-body", "velic", "glottal-shape", "f0")

Gesture = tuple[float, float, str]  # begin (s), end (s), value


def gestural_score(segments: Sequence[tuple[str, float]]) -> str:
    """Return the score (XML) of phones and their durations in seconds."""
    tiers: dict[str, list[Gesture]] = {tier: [] for tier in TIERS}
    onset = 0.0
    for phone, seconds in segments:
        _add_phone(tiers, phone.removesuffix(":") if phone != "E:" else phone, onset, seconds)
        onset += seconds
    total = onset
    parts = [_sequence("vowel", _vowels(tiers["vowel"], total), total, None)]
    for tier in TIERS[1:4]:
        parts.append(_sequence(tier, tiers[tier], total, ""))
    parts.append(_sequence("velic", tiers["velic"], total, "0.0"))
    parts.append(_sequence("glottal-shape", tiers["glottal-shape"], total, "modal"))
    # Only a place holder: the caller sets the fundamental frequency itself.
    parts.append(_sequence("f0", [(0.0, total, "84.0")], total, None))
    parts.append(_sequence("lung-pressure", _breaths(segments), total, "0"))
    return "<gestural_score>\n" + "".join(parts) + "</gestural_score>\n"


def _add_phone(tiers: dict[str, list[Gesture]], phone: str, onset: float, seconds: float) -> None:
    end = onset + seconds
    if phone == PAUSE:
        tiers["vowel"].append((onset, end, "@"))
        return
    if phone in DIPHTHONGS:
        first, second = DIPHTHONGS[phone]
        tiers["vowel"] += [
            (onset, onset + 0.55 * seconds, first),
            (end - 0.45 * seconds, end, second),
        ]
        return
    if phone not in CONSONANTS:
        tiers["vowel"].append((onset, end, phone))
        return
    consonant = CONSONANTS[phone]
    begin = onset
    for shape in consonant.shapes:
        lead, lag = CLOSURE if "closure" in shape else LATERAL if "lateral" in shape else FRICATIVE
        part = seconds / len(consonant.shapes)
        tiers[consonant.tier].append((begin - lead, begin + part - lag, shape))
        begin += part
    if consonant.nasal:
        tiers["velic"].append((onset - VELUM[0], end - VELUM[1], f"{VELUM_OPENING}"))
    if consonant.glottis != "modal":
        plosive = consonant.glottis.endswith("plosive")
        lead, lag = PLOSIVE_GLOTTIS if plosive else FRICATIVE_GLOTTIS
        tiers["glottal-shape"].append((onset - lead, end - lag, consonant.glottis))


def _vowels(spoken: list[Gesture], total: float) -> list[Gesture]:
    """Stretch vowels over the consonants in front of them, so that they cover all of the time."""
    begins = []
    for place, (begin, _, _) in enumerate(spoken):
        before = spoken[place - 1][1] if place else 0.0
        begins.append(max(0.0, min(begin, before) - VOWEL_LEAD))
    begins[0] = 0.0
    ends = [*begins[1:], total]
    return [
        (begin, end, name) for begin, end, (_, _, name) in zip(begins, ends, spoken, strict=True)
    ]


def _breaths(segments: Sequence[tuple[str, float]]) -> list[Gesture]:
    """Return pressure between pauses: nobody speaks in a pause."""
    breaths: list[Gesture] = []
    onset, begin = 0.0, None
    for phone, seconds in [*segments, (PAUSE, 0.0)]:
        if phone != PAUSE and begin is None:
            begin = onset
        elif phone == PAUSE and begin is not None:
            breaths.append((begin - BREATH[0], onset - BREATH[1], f"{PRESSURE}"))
            begin = None
        onset += seconds
    return breaths


def _sequence(tier: str, gestures: list[Gesture], total: float, rest: str | None) -> str:
    """Return one tier: gestures, and the value at rest between them."""
    lines, time = [], 0.0
    for begin, end, value in gestures:
        begin, end = max(time, begin), min(total, end)
        if end - begin < 0.001:
            continue
        if begin - time > 0.001 and rest is not None:
            lines.append(_gesture(rest, begin - time, neutral=tier not in ("glottal-shape",)))
        else:
            begin = time
        lines.append(_gesture(value, end - begin))
        time = end
    if rest is not None and total - time > 0.001:
        lines.append(_gesture(rest, total - time, neutral=tier != "glottal-shape"))
    unit = UNITS.get(tier, "")
    return (
        f'  <gesture_sequence type="{tier}-gestures" unit="{unit}">\n'
        + "".join(lines)
        + "  </gesture_sequence>\n"
    )


def _gesture(value: str, seconds: float, neutral: bool = False) -> str:
    return (
        f'    <gesture value="{value}" slope="0.0" duration_s="{seconds:.6f}" '
        f'time_constant_s="{TIME_CONSTANT}" neutral="{int(neutral)}" />\n'
    )
