"""What is wrong with an option of a training, in one sentence instead of the parser's pages."""

from __future__ import annotations

import re
from importlib import import_module

import jsonargparse

from sslse.names import nearest


def explain(message: str) -> str:
    """Return the sentence of what jsonargparse printed.

    Args:
        message: usage, tip and error, as printed.

    Example:
        >>> usage = "usage: x [--trainer.max_steps MAX_STEPS]\\n"
        >>> explain(usage + "error: unrecognized arguments: --trainer.max_stepz 3")
        "there is no option --trainer.max_stepz; did you mean '--trainer.max_steps'?"
        >>> key = 'error: Parser key "trainer.max_steps":\\n'
        >>> explain(usage + key + "  Expected a <class 'int'>. Got value: three")
        'trainer.max_steps is three; expected int'
    """
    usage, _, reason = message.rpartition("error: ")
    key = ".".join(re.findall(r'Parser key "([\w.]+)"', reason))
    class_path = (re.findall(r"class_path '([\w.]+)'", reason) or [""])[-1]
    unknown = re.search(r"unrecognized arguments: (\S+)|Option '([^']+)' is not accepted", reason)
    if unknown:
        name = (unknown[1] or unknown[2]).split("=")[0].removeprefix("--")
        if class_path:
            wanted, known = f"{key}.{name}", [f"{key}.{own}" for own in class_keys(class_path)]
            return f"there is no option --{wanted}{_nearest(wanted, known)}"
        if unknown[1] and not unknown[1].startswith("-"):
            return f"'{unknown[1]}' is no option; options are --KEY=VALUE or --KEY VALUE"
        known = re.findall(r"--([\w.]+)", usage)
        return f"there is no option --{name}{_nearest(name, known)}"
    missing = re.search(r"arguments are required: (.*)", reason)
    if missing:
        return f"it has no {missing[1].replace(', ', ' and no ')}; name a configuration: --config"
    module = re.search(r"module '([\w.]+)' has no attribute '(\w+)'", reason)
    if module:
        tail = _nearest(module[2], dir(import_module(module[1])), dashes="")
        return f"there is no class {class_path} for {key}.class_path{tail}"
    single = re.search(r"Expected an? (.*?)\. Got value: (.*)", reason)
    if single:
        return f"{key} is {single[2].strip()}; expected {_plain(single[1])}"
    problem = re.search(r"class_path '[\w.]+':\s+(.*?)\n\s+(?:- |Given)", reason, re.DOTALL)
    if problem:
        return f"{key} of class {class_path}: {' '.join(problem[1].split())[:400]}"
    several = [
        kind for kind in re.findall(r"- Expected an? (.+)", reason) if "NoneType" not in kind
    ]
    given = re.search(r"Given value: (?:NestedArg\(key='([\w.]+)', val=(.*)\)|(.*))", reason)
    if several and given:
        name = ".".join(filter(None, (key, given[1])))
        return f"{name} is {given[2] or given[3]}; expected {' or '.join(map(_plain, several))}"
    return " ".join(reason.split())[:400]


def class_keys(class_path: str) -> list[str]:
    """Return the keys of a class of a configuration, those of its parts with dots."""
    module, _, name = class_path.rpartition(".")
    parser = jsonargparse.ArgumentParser()
    parser.add_class_arguments(getattr(import_module(module), name), fail_untyped=False)
    return list(parser.get_defaults().keys())


def _nearest(name: str, known: list[str], dashes: str = "--") -> str:
    """Name the nearest option; where none is near, one with the same last part, else nothing."""
    last = name.rpartition(".")[2].replace("-", "_")
    near = nearest(name, known)
    if "did you mean" not in near:
        same = [key for key in known if key.rpartition(".")[2] == last]
        near = f"; did you mean '{same[0]}'?" if same else ""
    return near.replace("mean '", f"mean '{dashes}")


def _plain(kind: str) -> str:
    """Say a type in words.

    Example:
        >>> _plain("<class 'int'>"), _plain("typing.Literal['a', 'b']")
        ('int', "'a', 'b'")
    """
    kind = re.sub(r"<class '([\w.]+)'>", r"\1", kind)
    return re.sub(r"typing\.Literal\[(.*?)\]", r"\1", kind)
