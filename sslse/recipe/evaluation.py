"""The jobs that enhance, judge and score: every row, every back-end, every test set."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sslse.names import OA_FOLDERS
from sslse.recipe.jobs import Job
from sslse.recipe.plan import Plan


class Speech(NamedTuple):
    """The speech of one row: who made it, of which set, with how much of the observation, added in
    which form."""

    seed: int
    row: str
    set_name: str
    oa: str = "0"
    form: str = "add"

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{OA_FOLDERS['add' if self.oa == '0' else self.form]}{self.oa}"

    def __str__(self) -> str:
        return f"{self.row} seed {self.seed} {self.set_name} {self.name}"


class Evaluation:
    """What is enhanced, judged and scored in a run.

    Args:
        plan: the run.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @property
    def form(self) -> str:
        """Form of observation adding."""
        return self.plan.options.get("oa_form", "add")

    # Folders

    def folder(self, speech: Speech) -> str:
        """Return the folder of one enhanced set."""
        return (
            f"{self.plan.option('expdir')}/seed{speech.seed}/{speech.row}"
            f"/decode_{speech.set_name}/{speech.name}"
        )

    def noisy(self, set_name: str) -> str:
        """Return the noisy data directory of a set."""
        return f"{self.plan.option('datadir')}/{set_name}_noisy"

    # Rows

    def enhancer(self, row: str) -> str:
        """Return the template of the model that enhances a row's speech; empty: it has none."""
        entry = self.plan.entry(row)
        if "enhancer" in entry:
            return entry["enhancer"]
        return "{self}" if entry.get("model") == "enhancer" else ""

    def has_speech(self, row: str) -> bool:
        """Tell whether a row has speech of its own, enhanced or taken as it is."""
        return bool(self.enhancer(row) or "speech" in self.plan.entry(row))

    def heard(self, speech: Speech) -> str:
        """Return the ``wav.scp`` that the back-ends of a row get."""
        source = self.plan.entry(speech.row).get("hears")
        if source == "noisy" or not (source or self.has_speech(speech.row)):
            return f"{self.noisy(speech.set_name)}/wav.scp"
        return f"{self.folder(speech._replace(row=source or speech.row))}/wav.scp"

    def measured(self, speech: Speech) -> str:
        """Return the ``wav.scp`` that signal metrics are of; empty where there is none."""
        entry = self.plan.entry(speech.row)
        if entry.get("metrics") == "":
            return ""
        if self.has_speech(speech.row):
            return f"{self.folder(speech)}/wav.scp"
        return self.heard(speech) if entry.get("hears", "noisy") != "noisy" else ""

    def backends(self, row: str) -> list[str]:
        """Return the back-ends that judge a row."""
        return self.plan.entry(row).get("backends", self.plan.words("backends"))

    def sources(self) -> list[str]:
        """Return the rows and what they hear, of which each has speech."""
        rows = []
        for row in self.plan.variants:
            source = self.plan.entry(row).get("hears", "noisy")
            rows += [row] if source == "noisy" else [row, source]
        return [row for row in dict.fromkeys(rows) if self.has_speech(row)]

    def weights(self, seed: int, row: str) -> list[str]:
        """Return the observation-adding weights to test: 0, and the given one, or of several the
        one that was chosen on the validation set."""
        given = self.plan.words("oa_weights") if "oa_weights" in self.plan.options else []
        if not self.enhancer(row) or not given:
            return ["0"]
        if len(given) == 1:
            return list(dict.fromkeys(["0", given[0]]))
        guess = float(given[0]) if self.plan.ahead else 0
        chosen = self._weight_choice(row, seed).get("weight", guess)
        return ["0", f"{chosen:g}"] if chosen else ["0"]

    def _weight_file(self, row: str, seed: int) -> Path:
        """Return where the choice of a row's weight is."""
        exp = self.plan.experiment(row) or self.plan.option("expdir")
        name = f"{OA_FOLDERS[self.form]}_{self.plan.option('valid_set')}.json"
        return Path(exp, f"seed{seed}", row, name)

    # Jobs

    def decode_jobs(self) -> list[Job]:
        """Return the jobs that enhance and judge all test sets."""
        enhance, judge = [], []
        for set_name in self.plan.words("test_sets"):
            for seed in self.plan.seeds:
                enhance += self._enhance(seed, set_name)
                for row in self.plan.variants:
                    for oa in self.weights(seed, row):
                        speech = Speech(seed, row, set_name, oa, self.form)
                        judge += [self.judge_job(speech, name) for name in self.backends(row)]
        return [*self.prepare_jobs(), *self._per_set_jobs(), *enhance, *judge]

    def _enhance(self, seed: int, set_name: str) -> list[Job]:
        return [
            self.enhance_job(Speech(seed, row, set_name, oa, self.form))
            for row in self.sources()
            for oa in self.weights(seed, row)
        ]

    def enhance_job(self, speech: Speech) -> Job:
        """Return the job that enhances a set; noisy and clean speech is taken as it is."""
        folder, noisy = self.folder(speech), self.noisy(speech.set_name)
        taken = self.plan.entry(speech.row).get("speech")
        if taken:
            command = ["cp", f"{noisy}/{taken}", f"{folder}/wav.scp"]
        else:
            model = self.plan.expand(self.enhancer(speech.row), speech.seed, own=speech.row)
            command = ["sslse", "enhance", f"{noisy}/wav.scp", "-o", folder]
            command += ["--model", model, "--oa", speech.oa]
            if speech.oa != "0" and speech.form != "add":
                command += ["--oa-form", speech.form]
        return Job(str(speech), folder, tuple(command))

    def judge_job(self, speech: Speech, backend: str, **local: str) -> Job:
        """Return the job of one back-end on one set; ``local`` sets values of its templates."""
        entry = self.plan.entry(backend)
        local = self._values(speech, backend, local)
        command = self.plan.expand_words(entry["judge"], speech.seed, local, backend)
        return Job(f"{local['output']} on {speech}", local["out"], tuple(command))

    def _values(self, speech: Speech, backend: str, local: dict[str, str]) -> dict[str, str]:
        """Return the values at hand in the templates of a back-end."""
        entry, row = self.plan.entry(backend), self.plan.entry(speech.row)
        values = {"name": backend, "set": speech.set_name, "hears": self.heard(speech)}
        values["row"] = self.plan.model(speech.row, speech.seed)
        for name, template in {**entry.get("values", {}), **row.get("values", {})}.items():
            values[name] = self.plan.expand(template, speech.seed, values, speech.row)
        if "choose" in entry and entry["choose"]["value"] not in local:
            values[entry["choose"]["value"]] = self._chosen(speech, backend)
        values.update(local)
        if "prepare" in entry:
            values["prepared"] = f"{self.plan.folder(backend, speech.seed)}/prepared"
        values.setdefault("output", self.plan.expand(entry["output"], speech.seed, values, backend))
        values["out"] = f"{self.folder(speech)}/{values['output']}"
        return values

    def prepare_jobs(self) -> list[Job]:
        """Return the jobs that set a back-end up on its validation set before it judges."""
        jobs = []
        for seed in self.plan.seeds:
            for name in self.plan.words("backends"):
                entry = self.plan.entry(name)
                if "prepare" in entry:
                    data = f"{self.plan.option('datadir')}/{self.plan.option('valid_set')}"
                    data += "_noisy" if entry.get("data") == "mixture" else ""
                    out = f"{self.plan.folder(name, seed)}/prepared"
                    local = {"data": data, "out": out}
                    command = self.plan.expand_words(entry["prepare"], seed, local, name)
                    jobs.append(Job(f"{name} prepared seed {seed}", out, tuple(command)))
        return jobs

    def _per_set_jobs(self) -> list[Job]:
        """Jobs that back-ends need once for each test set, such as a list of trials."""
        jobs = []
        used = dict.fromkeys(name for row in self.plan.variants for name in self.backends(row))
        for set_name in self.plan.words("test_sets"):
            for name in used:
                first = self.plan.entry(name).get("per_set")
                if first:
                    local = {"set": set_name}
                    local["out"] = self.plan.expand(first["folder"], 0, local)
                    command = self.plan.expand_words(first["command"], 0, local)
                    jobs.append(Job(f"{name} of {set_name}", local["out"], tuple(command)))
        return jobs

    def score_jobs(self) -> list[Job]:
        """Return the jobs that score all test sets."""
        metrics = self._metrics()
        jobs = []
        for seed in self.plan.seeds:
            for set_name in self.plan.words("test_sets"):
                for row in self.plan.variants:
                    for oa in self.weights(seed, row):
                        speech = Speech(seed, row, set_name, oa, self.form)
                        jobs.append(self.score_job(speech, metrics, self.backends(row)))
        return [job for job in jobs if job is not None]

    def _metrics(self) -> list[str]:
        metrics = self.plan.words("metrics")
        without = [name for name in metrics if name in ("pesq", "pesq_nb", "composite")]
        if without and importlib.util.find_spec("pesq") is None:
            print(
                f"{', '.join(without)}: left out, because PESQ is not installed (a C compiler was "
                "missing; see tools/install.sh)",
                file=sys.stderr,
            )
            metrics = [name for name in metrics if name not in without]
        return metrics

    def score_job(
        self, speech: Speech, metrics: Sequence[str], backends: Sequence[str]
    ) -> Job | None:
        """Return the job that scores one row on one set; None where there is nothing to score.

        Other metrics or back-ends than before, as tables ask for, change the columns; what is
        known of the signals stays.
        """
        out = f"{self.folder(speech)}/scores"
        command = ["sslse", "score", "--reference", self.noisy(speech.set_name), "--out", out]
        command += ["--nj", "1", "--allow-failed"]
        start = len(command)
        measured = self.measured(speech) if metrics else ""
        if measured:
            command += ["--enhanced", measured, "--metrics", ",".join(metrics)]
            for limit in self.plan.words("max_utts"):
                if limit.split("=")[0] in metrics:
                    command += ["--max-utts", limit]
        for name in backends:
            entry, local = self.plan.entry(name), self._values(speech, name, {})
            command += self.plan.expand_words(entry["score"], speech.seed, local, name)
        if len(command) == start:
            return None
        return Job(f"score {speech}", out, tuple(command), keep="update")

    # Choices on the validation set

    def choose_jobs(self) -> list[Job]:
        """Return the jobs whose results choose settings: observation-adding weights, values of
        back-ends."""
        jobs: list[Job] = []
        valid = self.plan.option("valid_set")
        recognisers = self._recognisers()
        for seed in self.plan.seeds:
            rows = self._rows_with_choice()
            # A recogniser that errs on clean speech as well takes no part in the choice.
            if rows and "clean" in self.plan.variants:
                jobs += self._recognised(Speech(seed, "clean", valid), recognisers)
            for row in rows:
                for oa in self._weights_to_compare(row):
                    jobs += self._recognised(Speech(seed, row, valid, oa, self.form), recognisers)
            for row, backend, choice in self._values_to_choose():
                speech = Speech(seed, row, valid)
                for value in self.plan.words(choice["among"]):
                    local = {choice["value"]: value, "output": f"hyp_{backend}_{value}"}
                    jobs.append(self.judge_job(speech, backend, **local))
        return jobs

    def grow_jobs(self) -> list[Job]:
        """Return the jobs of one weight more for each row whose best is at the edge of those that
        were tried, until it is within them or there is none beyond."""
        from sslse.metrics.selection import weight_beyond  # numpy, which no other plan needs

        jobs: list[Job] = []
        valid, recognisers = self.plan.option("valid_set"), self._recognisers()
        for row in self._rows_with_choice():
            choice = self._weight_choice(row, self.plan.seeds[0])
            beyond = weight_beyond(choice["table"], choice["weight"]) if choice else None
            for seed in self.plan.seeds if beyond is not None else ():
                speech = Speech(seed, row, valid, f"{beyond:g}", self.form)
                jobs += self._recognised(speech, recognisers)
        return jobs

    def _weight_choice(self, row: str, seed: int) -> dict[str, Any]:
        """Return what was last chosen for a row, in a run with this seed; empty: nothing."""
        path = self._weight_file(row, seed)
        return json.loads(path.read_text()) if path.is_file() else {}

    def _weights_to_compare(self, row: str) -> list[str]:
        """Return 0, the given weights, and those that earlier runs have added: they are compared
        as well, so they are kept up to date."""
        given = ["0", *self.plan.words("oa_weights")]
        known = [
            name
            for seed in self.plan.seeds
            for name in self._weight_choice(row, seed).get("table", ())
        ]
        by_value: dict[float, str] = {}
        for name in [*given, *known]:
            by_value.setdefault(float(name), name)
        return list(by_value.values())

    def _recognised(self, speech: Speech, recognisers: Sequence[str]) -> list[Job]:
        """Return the jobs that enhance a set, recognise it and count the errors."""
        jobs = [self.enhance_job(speech)]
        jobs += [self.judge_job(speech, name) for name in recognisers]
        score = self.score_job(speech, (), recognisers)
        return [*jobs, score] if score else jobs

    def select_jobs(self) -> list[Job]:
        """Return the commands that make the choices, each time anew."""
        jobs = []
        valid, exp = self.plan.option("valid_set"), self.plan.option("expdir")
        for row in self._rows_with_choice():
            # One weight for a row, from the words of all its seeds together.
            folders = [f"{exp}/seed{seed}/{row}/decode_{valid}" for seed in self.plan.seeds]
            command = ["sslse", "select", "--scores", *folders]
            command += ["--recognizers", *self._recognisers()]
            if self.form != "add":
                command += ["--oa-form", self.form]
            if limit := self.plan.option("max_clean_wer"):
                command += ["--max-clean-wer", limit]
            name = f"word error rates of {row} on {valid} by observation-adding weight"
            jobs.append(Job(name, folders[0], tuple(command), keep="always"))
        for row, backend, choice in self._values_to_choose():
            for seed in self.plan.seeds:
                folder = self.folder(Speech(seed, row, valid))
                command = ["sslse", "select", "--hypotheses", f"{folder}/hyp_{backend}"]
                command += ["--reference", f"{self.noisy(valid)}/text"]
                command += ["--weights", *self.plan.words(choice["among"])]
                command += ["--out", str(self._choice(Speech(seed, row, valid), backend))]
                name = f"{choice['value']} of {backend} on {row} seed {seed}"
                jobs.append(Job(name, folder, tuple(command), keep="always"))
        return jobs

    def _recognisers(self) -> list[str]:
        """Recognisers that choose a weight: the one that --oa_recogniser names where it is among
        the back-ends, else all of them together."""
        names = [n for n in self.plan.words("backends") if self.plan.entry(n).get("words")]
        own = [name for name in names if name == self.plan.options.get("oa_recogniser")]
        return own or names

    def _rows_with_choice(self) -> list[str]:
        """Rows whose observation-adding weight is one of several, chosen in this experiment."""
        if "oa_weights" not in self.plan.options or len(self.plan.words("oa_weights")) < 2:
            return []
        rows = [row for row in self.plan.variants if self.enhancer(row)]
        return [row for row in rows if not self.plan.experiment(row)]

    def _values_to_choose(self) -> list[tuple[str, str, dict[str, str]]]:
        return [
            (row, name, self.plan.entry(name)["choose"])
            for row in self.plan.variants
            for name in self.backends(row)
            if "choose" in self.plan.entry(name)
        ]

    def _choice(self, speech: Speech, backend: str) -> Path:
        exp, valid = self.plan.option("expdir"), self.plan.option("valid_set")
        return Path(exp, f"seed{speech.seed}", speech.row, f"{backend}_{valid}.json")

    def _chosen(self, speech: Speech, backend: str) -> str:
        path = self._choice(speech, backend)
        words = self.plan.words(self.plan.entry(backend)["choose"]["among"])
        weight = json.loads(path.read_text())["weight"] if path.is_file() else float(words[0])
        return next((word for word in words if float(word) == weight), words[0])
