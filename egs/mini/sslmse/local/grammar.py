"""Spoken commands for a house: 8 intents, some 70 words."""

from __future__ import annotations

import numpy as np

SLOTS = {
    "room": "kitchen bedroom bathroom garage garden office hall".split(),
    "number": "two three five seven nine ten twelve twenty thirty".split(),
    "name": "anna peter maria robert susan david".split(),
    "city": "london paris berlin tokyo madrid".split(),
    "thing": "door window curtain".split(),
    "unit": "seconds minutes hours".split(),
    "day": "today tomorrow tonight".split(),
    "device": "heater oven".split(),
}
# Intent → templates; "(please)" is said or not.
COMMANDS = {
    "light_on": ["turn on the {room} light (please)", "switch on the light in the {room}"],
    "light_off": ["turn off the {room} light (please)", "switch off the light in the {room}"],
    "heat": ["set the {device} to {number} degrees", "make the {room} {number} degrees warmer"],
    "timer": ["set a timer for {number} {unit} (please)", "remind me in {number} {unit}"],
    "call": ["call {name} (please)", "call {name} and {name} {day}"],
    "weather": ["what is the weather in {city} {day}", "will it rain {day} in {city}"],
    "door": ["open the {room} {thing} (please)", "close the {thing} in the {room}"],
    "music": ["play the next song in the {room}", "stop the music (please)"],
}


def vocabulary() -> list[str]:
    """Return all words of the grammar, sorted.

    Example:
        >>> 50 <= len(vocabulary()) <= 80
        True
    """
    words = {word for values in SLOTS.values() for word in values}
    for templates in COMMANDS.values():
        for template in templates:
            words |= {word.strip("()") for word in template.split() if "{" not in word}
    return sorted(words)


def draw_command(generator: np.random.Generator) -> tuple[str, str]:
    """Return an intent and a command of it.

    Example:
        >>> draw_command(np.random.default_rng(0))[0] in COMMANDS
        True
    """
    intent = str(generator.choice(list(COMMANDS)))
    words = []
    for word in str(generator.choice(COMMANDS[intent])).split():
        if word.startswith("{"):
            words.append(str(generator.choice(SLOTS[word.strip("{}")])))
        elif not word.startswith("(") or generator.random() < 0.5:
            words.append(word.strip("()"))
    return intent, " ".join(words)


def slots_of(intent: str, text: str) -> tuple[str, str]:
    """Return what a command is about: intent and place ("none" where none is said).

    Example:
        >>> slots_of("door", "open the garage door please"), slots_of("music", "stop the music")
        (('door', 'garage'), ('music', 'none'))
    """
    places = SLOTS["room"] + SLOTS["city"]
    return intent, next((word for word in text.split() if word in places), "none")
