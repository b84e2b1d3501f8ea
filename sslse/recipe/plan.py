"""Names, paths and commands of a run: what the templates of a method's YAML stand for.

In a template ``$name`` or ``${name}`` is an option or a value at hand, ``{entry}`` is the trained
model of an entry (for the same seed) and ``{entry.folder}`` the folder of its training. A word
``$name...`` is as many words as the value has.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from sslse.errors import ConfigError
from sslse.names import nearest
from sslse.recipe.jobs import Job
from sslse.recipe.method import Method

PLACE = re.compile(
    r"\$\{(?P<braced>\w+)\}|\$(?P<plain>\w+)|\{(?P<entry>[\w$-]+)(?P<folder>\.folder)?\}"
)
REFERENCE = re.compile(r"(?<!\$)\{([\w-]+)(?:\.folder)?\}")
# Keys of an entry whose templates name what must be trained before.
NEEDS = ("config", "init", "set", "command", "values", "enhancer", "train_set", "judge", "prepare")


class Plan:
    """A method with the options of one run.

    Args:
        method: its entries.
        options: name to value, as the shell holds them.
        root: of the checkout, for helper scripts.
        ahead: whether stages are planned before those whose choices they depend on; what was not
            chosen yet is then guessed.
    """

    def __init__(
        self, method: Method, options: Mapping[str, str], root: str = ".", ahead: bool = False
    ) -> None:
        self.method = method
        self.options = dict(options)
        self.seeds = list(dict.fromkeys(int(seed) for seed in options["seeds"].split()))
        self.root = root
        self.ahead = ahead
        self.nj = int(options["nj"])

    # Options

    def option(self, name: str) -> str:
        """Return an option; where it is empty, what the method says stands for it."""
        value = self.options.get(name, "")
        if not value and name in (self.method.tree.get("defaults") or {}):
            return self.expand(self.method.tree["defaults"][name], 0)
        return value

    def words(self, name: str) -> list[str]:
        """Return the words of an option."""
        return self.option(name).split()

    def is_recorded(self, name: str) -> bool:
        """Tell whether ``local/data.sh`` made the noisy speech of a set."""
        return name in self.words("recorded")

    @property
    def variants(self) -> list[str]:
        """The rows: those that are always there, and the chosen ones."""
        return list(dict.fromkeys([*self.method.always, *self.words("variants")]))

    @property
    def figure(self) -> dict[str, Any]:
        """What the method says of the figure of this run; empty where it makes none."""
        name = self.option("figure")
        return self.method.part("figure", name) if name else {}

    # Templates

    def expand(
        self,
        template: Any,
        seed: int,
        local: Mapping[str, str] | None = None,
        own: str | None = None,
    ) -> str:
        """Return a template as text.

        Args:
            template: text; any other value is written as JSON.
            seed: whose models are meant.
            local: values at hand, before the options.
            own: entry that ``{self}`` is.

        Raises:
            ConfigError: an unknown option or entry.
        """
        if not isinstance(template, str):
            return json.dumps(template)
        local = {"root": self.root, "nj": str(self.nj), "seed": str(seed), **(local or {})}

        def value(name: str) -> str:
            if name in local:
                return local[name]
            defaults = self.method.tree.get("defaults") or {}
            if name not in self.options and name not in defaults:
                known = [*local, *self.options, *defaults]
                raise ConfigError(
                    f"{self.method}: '{template}' asks for ${name}{nearest(name, known)}"
                )
            return self.option(name)

        def fill(match: re.Match[str]) -> str:
            name = match["braced"] or match["plain"]
            if name:
                return value(name)
            name = re.sub(r"\$(\w+)", lambda inner: value(inner[1]), match["entry"])
            name = own if name == "self" and own else name
            return self.folder(name, seed) if match["folder"] else self.model(name, seed)

        return PLACE.sub(fill, template)

    def expand_words(
        self,
        template: str | Sequence[str],
        seed: int,
        local: Mapping[str, str] | None = None,
        own: str | None = None,
    ) -> list[str]:
        """Return a template as words; see ``expand``."""
        words = []
        for word in shlex.split(template) if isinstance(template, str) else template:
            if word.endswith("...") and word.startswith("$"):
                value = self.expand(word[:-3], seed, local, own)
                try:
                    words += shlex.split(value)
                except ValueError as error:
                    raise ConfigError(f"--{word[1:-3]}: cannot split '{value}': {error}") from error
            else:
                words.append(self.expand(word, seed, local, own))
        return words

    # Entries

    def entry(self, name: str) -> dict[str, Any]:
        """Return an entry.

        Raises:
            ConfigError: there is none of that name.
        """
        if name not in self.method.entries:
            raise ConfigError(
                f"{self.method}: no entry '{name}'{nearest(name, list(self.method.entries))}"
            )
        return self.method.entries[name]

    def owner(self, name: str, seed: int) -> int:
        """Return the seed that an entry is trained with: ``next`` is the next of the run, round
        its list (of a single seed the number after it)."""
        if self.entry(name).get("seed") != "next":
            return seed
        if len(self.seeds) == 1 or seed not in self.seeds:
            return seed + 1
        return self.seeds[(self.seeds.index(seed) + 1) % len(self.seeds)]

    def given(self, name: str, seed: int) -> str:
        """Return the model that stands in place of a training; empty where there is none."""
        return self.expand(self.entry(name).get("given", ""), seed)

    def experiment(self, name: str) -> str:
        """Return the experiment that an entry's model is taken from; empty: it is trained here."""
        return self.expand(self.entry(name).get("experiment", ""), 0)

    def folder(self, name: str, seed: int) -> str:
        """Return the folder of the training that an entry is for the models of a seed."""
        return self._folder_of(name, self.owner(name, seed))

    def _folder_of(self, name: str, owner: int) -> str:
        prefix = "ds_" if self.method.section[name] == "backends" else ""
        template = self.entry(name).get("folder", prefix + name)
        if template.startswith("$"):  # of all seeds
            return self.expand(template, owner)
        return f"{self.experiment(name) or self.option('expdir')}/seed{owner}/{template}"

    def model(self, name: str, seed: int) -> str:
        """Return the folder of a trained (or given) model."""
        given = self.given(name, seed)
        if given:
            return given
        part = self.entry(name).get("model", "")
        return self.folder(name, seed) + (f"/{part}" if part else "")

    def needs(self, name: str, keys: Sequence[str] = NEEDS) -> list[str]:
        """Return the entries that templates of an entry name, and the one that it hears."""
        entry = self.entry(name)
        found = self._named_in([entry.get(key) for key in keys])
        if entry.get("hears", "noisy") != "noisy":
            found.append(entry["hears"])
        return list(dict.fromkeys(found))

    def _named_in(self, templates: Any) -> list[str]:
        """Return the entries that are named in templates, however deep."""
        if isinstance(templates, str):
            return [name for name in REFERENCE.findall(templates) if name in self.method.entries]
        if isinstance(templates, Mapping):
            templates = list(templates.values())
        parts = templates if isinstance(templates, list) else []
        return [name for part in parts for name in self._named_in(part)]

    def required(self) -> list[tuple[str, int]]:
        """Return (entry, seed) of everything that the chosen rows and back-ends need, in order."""
        done: dict[tuple[str, int], None] = {}

        def visit(name: str, seed: int, above: tuple[str, ...] = ()) -> None:
            if name in above:
                chain = " needs ".join([*above[above.index(name) :], name])
                raise ConfigError(f"{self.method}: {chain}, which has no end")
            owner = self.owner(name, seed)
            if (name, owner) in done or self.experiment(name):
                return
            given = self.given(name, owner)
            for other in self.needs(name, ("given",) if given else NEEDS):
                visit(other, owner, (*above, name))
            if not given:
                done[name, owner] = None

        figure = self._named_in(self.figure.get("command"))
        for seed in self.seeds:
            for name in [*self.variants, *self.words("backends"), *figure]:
                visit(name, seed)
                for backend in self.entry(name).get("backends", ()):
                    visit(backend, seed)
        return list(done)

    def is_trained(self, name: str) -> bool:
        """Tell whether an entry is made in a stage of its own."""
        return "stage" in self.entry(name)

    # Jobs

    def training_jobs(self, stage: str) -> list[Job]:
        """Return the jobs of the entries that a stage makes, each folder once."""
        jobs: dict[str, Job] = {}
        for name, seed in self.required():
            if self.entry(name).get("stage") == stage:
                job = self._training_job(name, seed)
                jobs.setdefault(job.folder, job)
        return list(jobs.values())

    def _training_job(self, name: str, owner: int) -> Job:
        entry, folder = self.entry(name), self._folder_of(name, owner)
        if "command" in entry:
            command = self.expand_words(entry["command"], owner, {"out": folder}, name)
            kind = entry.get("kind", "cpu")
        else:
            command, kind = self._train_command(name, owner, folder), "train"
        return Job(self.title(folder), folder, tuple(command), kind, minutes=self.minutes(name))

    def minutes(self, *names: str) -> float:
        """Return what a job is expected to take of one core, min: the first that the method's
        ``minutes`` have of an entry or stage; 0: none.

        Raises:
            ConfigError: it is no number.
        """
        known = self.method.tree.get("minutes") or {}
        for name in names:
            if name in known:
                try:
                    return float(known[name])
                except (TypeError, ValueError):
                    what = f"{known[name]!r} is no number"
                    raise ConfigError(f"{self.method}: minutes of '{name}': {what}") from None
        return 0.0

    def title(self, folder: str) -> str:
        """Return what a log line calls the job of a folder.

        ``exp/seed0/asr`` is "asr seed 0".
        """
        name = folder.removeprefix(f"{self.option('expdir')}/")
        seed = re.match(r"seed(\d+)/(.*)", name)
        return f"{seed[2]} seed {seed[1]}" if seed else name

    def _train_command(self, name: str, seed: int, folder: str) -> list[str]:
        entry = self.entry(name)
        expand = lambda template: self.expand(template, seed, own=name)  # noqa: E731
        configs = entry["config"]
        command = ["sslse", "train"]
        for config in [configs] if isinstance(configs, str) else configs:
            command += ["--config", expand(config)]
        command += ["--exp", folder, "--seed", str(seed)]
        command += ["--data.train", expand(entry.get("train_set", "$datadir/$train_set"))]
        valid = f"{self.option('datadir')}/{self.option('valid_set')}"
        if entry.get("data") == "mixture":
            if not self.is_recorded(self.option("train_set")):
                command += ["--data.noise", expand("$datadir/noise_$train_set")]
            command += ["--data.valid", f"{valid}_noisy"]
        elif entry.get("data") == "clean":
            command += ["--data.valid", valid]
        if entry.get("last"):
            command += ["--average-best", "0"]
        if "init" in entry:
            command += ["--init-param", expand(entry["init"])]
        for key, value in entry.get("set", {}).items():
            if value is not None:
                command += [f"--{key}", expand(value)]
        return command + self.words("train_args")
