"""A method's facts, read from YAML: models, variants, back-ends, tables and figures."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sslse.errors import ConfigError
from sslse.names import nearest
from sslse.runtime.settings import merge, read_settings

SECTIONS = ("models", "variants", "backends")  # of entries; a name stands in one of them
PARTS = ("table", "figure")

PAPER_KEYS = {
    *(
        "citation",
        "setting",
        "columns",
        "rows",
        "changes",
        "tasks",
        "better",
        "not_better",
        "compared",
    ),
    *("conditions", "overall", "show"),
}
PART_KEYS = {  # of a table or figure
    *PAPER_KEYS,
    *("caption", "variants", "backends", "options", "over"),
    *("without", "with_partner", "prefix", "command"),
}
TOP_KEYS = {
    *SECTIONS,
    *("options", "defaults", "always", "paper", "tables", "figures", "conditions", "minutes"),
    *("corpora", "full", "with"),
}
ENTRY_KEYS = {  # explained in docs/add_a_variant.md
    *("label", "like", "stage", "folder", "seed", "given", "experiment"),
    *("config", "data", "train_set", "init", "last", "set", "command", "kind", "model"),
    *("speech", "enhancer", "hears", "backends", "metrics", "values", "partner"),
    *("judge", "prepare", "per_set", "output", "score", "words", "choose"),
}


class Method:
    """The entries of a method, with those that a recipe adds.

    An entry that is ``like`` another has its keys, and its own above them; mappings are merged,
    ``null`` takes a key away.

    Args:
        path: YAML file of the method.
        extension: YAML file of the recipe, merged above it; it may be missing.

    Raises:
        ConfigError: an unknown key or name; the sentence names the nearest.
    """

    def __init__(self, path: Path, extension: Path | None = None) -> None:
        self.path = path
        self.extension = extension if extension is not None and extension.is_file() else None
        tree = read_settings(path, *([self.extension] if self.extension else []))
        self.tree = tree
        self._check_keys("", tree, TOP_KEYS)
        self._check_keys("paper", tree.get("paper"), PAPER_KEYS)
        for kind in PARTS:
            for number in tree.get(f"{kind}s") or ():
                # 1 and "1" are two keys, which would not be merged.
                if not isinstance(number, str):
                    raise ConfigError(f"{self}: {kind} {number}: write its number in quotes")
            for number, part in self.parts(kind).items():
                self._check_keys(f"{kind} {number}", part, PART_KEYS)
        self.entries: dict[str, dict[str, Any]] = {}
        self.section: dict[str, str] = {}
        for section in SECTIONS:
            for name, entry in (tree.get(section) or {}).items():
                if entry is None:
                    continue
                self._check_keys(name, entry, ENTRY_KEYS)
                if name in self.section:
                    raise ConfigError(
                        f"{self}: '{name}' stands in {self.section[name]} and in {section}; "
                        "give one of them another name"
                    )
                self.section[name] = section
                self.entries[name] = entry
        self.entries = {name: self._with_likes(name, ()) for name in self.entries}

    def __str__(self) -> str:
        return " with ".join(str(path) for path in (self.path, self.extension) if path)

    def _check_keys(self, place: str, settings: Any, known: Collection[str]) -> None:
        """Refuse what is no mapping, and a key that no mapping of that kind has."""
        if not isinstance(settings, (Mapping, type(None))):
            raise ConfigError(f"{self}: '{place}' must hold keys, not {settings!r}")
        for key in settings or ():
            if key not in known:
                of = f"'{place}' has no key" if place else "no key"
                raise ConfigError(f"{self}: {of} '{key}'{nearest(key, sorted(known))}")

    def _with_likes(self, name: str, seen: tuple[str, ...]) -> dict[str, Any]:
        if name not in self.entries:
            raise ConfigError(
                f"{self}: '{seen[-1]}' is like '{name}', which is no entry"
                f"{nearest(name, list(self.entries))}"
            )
        if name in seen:
            raise ConfigError(f"{self}: {' is like '.join([*seen, name])}, which has no end")
        own = self.entries[name]
        if "like" not in own:
            return {key: value for key, value in own.items() if value is not None}
        merged = merge(self._with_likes(own["like"], (*seen, name)), own)
        return {key: value for key, value in merged.items() if value is not None}

    def names(self, section: str) -> list[str]:
        """Return the names of a section, in their order."""
        return [name for name in self.entries if self.section[name] == section]

    def check(self, section: str, names: Sequence[str], option: str) -> None:
        """Refuse an unknown name.

        Raises:
            ConfigError: with the nearest name.
        """
        known = self.names(section)
        if names and not known:
            raise ConfigError(f"--{option} {' '.join(names)}: {self.path.stem} has no {option}")
        for name in names:
            if name not in known:
                raise ConfigError(f"--{option}: no '{name}'{nearest(name, known)}")

    @property
    def labels(self) -> dict[str, str]:
        """Variant to what a table calls it."""
        return {
            name: self.entries[name]["label"]
            for name in self.names("variants")
            if "label" in self.entries[name]
        }

    @property
    def always(self) -> list[str]:
        """Variants that every table has, such as noisy and clean speech."""
        return list(self.tree.get("always", ()))

    def parts(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the tables, or the figures, by their number."""
        return {name: part for name, part in (self.tree.get(f"{kind}s") or {}).items() if part}

    def part(self, kind: str, name: str) -> dict[str, Any]:
        """Return one table or figure.

        Raises:
            ConfigError: the method has none of that name.
        """
        parts = self.parts(kind)
        if name not in parts:
            raise ConfigError(f"--{kind}: no '{name}'{nearest(name, list(parts))}")
        return parts[name]
