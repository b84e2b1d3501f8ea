"""The jobs of each stage."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sslse.errors import ConfigError
from sslse.names import nearest
from sslse.recipe.corpora import unnamed_corpora
from sslse.recipe.evaluation import Evaluation, Speech
from sslse.recipe.jobs import Job, place
from sslse.recipe.plan import Plan


def jobs_of(stage: str, plan: Plan) -> list[Job]:
    """Return the jobs of a stage: of those below by their name, else what is trained in it.

    Args:
        stage: name of the stage's file without its number, or a step of one.
        plan: the run.
    """
    jobs = STAGES[stage](plan) if stage in STAGES else plan.training_jobs(stage)
    device = plan.options.get("device", "")
    return [replace(place(job, device), minutes=job.minutes or plan.minutes(stage)) for job in jobs]


def download(plan: Plan) -> list[Job]:
    """Bring the corpora that ``db.sh`` does not name; of those that cannot be had so, say where to
    ask. It runs every time, since whoever needs the room may have deleted some."""
    folder = plan.option("downloads")
    corpora = plan.method.tree.get("corpora") or {}
    words = [f"{name}={corpora[name]}" for name in unnamed_corpora(plan.method, folder)]
    if not words:
        return []
    command = ("sslse", "download", *words, "--to", folder)
    return [Job("download", folder, command, keep="always")]


def prepare_data(plan: Plan) -> list[Job]:
    """Run ``local/data.sh`` and check what it made; then what back-ends other than recognisers
    need, where the recipe has a script for that."""
    datadir, own = plan.option("datadir"), plan.words("local_data_opts")
    sets = " ".join([plan.option("train_set"), plan.option("valid_set"), *plan.words("test_sets")])
    command = [f"{plan.root}/utils/prepare_data.sh", "--datadir", datadir, "--nj", str(plan.nj)]
    command += ["--sets", sets]
    if plan.option("recorded"):
        command += ["--recorded", plan.option("recorded")]
    reads = corpus_inputs()
    jobs = [Job("prepare_data", datadir, (*command, *own), keep="keep", reads=reads)]
    others = [name for name in plan.words("backends") if not plan.entry(name).get("words")]
    if others and os.access("local/task_data.sh", os.X_OK):
        command = ["local/task_data.sh", "--datadir", datadir, "--nj", str(plan.nj), *own]
        jobs.append(Job("task_data", f"{datadir}/tasks", tuple(command), "cpu", "keep", reads))
    return jobs


def corpus_inputs() -> tuple[str, ...]:
    """Return ``NAME=PATH`` of each corpus that ``db.sh`` names."""
    database = Path("db.sh")
    text = database.read_text(encoding="utf-8") if database.is_file() else ""
    names = re.findall(r"^\s*(?:export\s+)?(\w+)=", text, re.MULTILINE)
    return tuple(f"{name}={os.environ.get(name, '')}" for name in dict.fromkeys(names))


def simulate_noise(plan: Plan) -> list[Job]:
    """Mix the validation and test speech with noises of their own; where there are conditions, the
    same speech in each, put together as one set."""
    conditions = plan.method.tree.get("conditions") or {}
    conditions = {name: settings for name, settings in conditions.items() if settings is not None}
    valid, datadir = plan.option("valid_set"), plan.option("datadir")
    sets = dict.fromkeys([valid, *plan.words("test_sets")])
    sets = [name for name in sets if not plan.is_recorded(name)]
    count = 1 + len(conditions) * (len(sets) - 1) if conditions else len(sets)
    jobs = []
    for name in sets:
        noisy = f"{datadir}/{name}_noisy"
        if name == valid or not conditions:
            jobs.append(_simulate(plan, count, name, f"noise_{name}", noisy))
            continue
        parts = []
        for condition, settings in conditions.items():
            settings = dict(settings)
            noise = f"noise_{name}{settings.pop('noise', '')}"
            options = ["--condition", condition]
            for key, value in settings.items():
                options += ["--set", f"{key}={_number(value)}"]
            parts.append(f"{noisy}_{condition}")
            jobs.append(_simulate(plan, count, name, noise, parts[-1], options))
        command = (f"{plan.root}/utils/combine_data.sh", noisy, *parts)
        jobs.append(Job(f"combine {name}", noisy, command))
    return jobs


def _number(value: float | str) -> str:
    return ".inf" if value == float("inf") else str(value)


def _simulate(
    plan: Plan, count: int, name: str, noise: str, out: str, options: list[str] | None = None
) -> Job:
    datadir = plan.option("datadir")
    command = ["sslse", "simulate", "--speech", f"{datadir}/{name}"]
    command += ["--noise", f"{datadir}/{noise}", "--out", out]
    if name in plan.words("rooms"):
        command += ["--rir", f"{datadir}/rir_{name}"]
    config = plan.option("simulate_config")
    if name == plan.option("valid_set"):
        config = plan.option("simulate_valid_config") or config
    command += ["--config", config, "--seed", plan.option("simulate_seed")]
    command += ["--nj", str(max(1, plan.nj // count)), *(options or [])]
    return Job(f"simulate {Path(out).name}", out, tuple(command))


def figure(plan: Plan) -> list[Job]:
    """Compute what a figure shows, for all that it is about: the rows, or what is trained in a
    stage."""
    number, part = plan.option("figure"), plan.figure
    if "command" not in part:
        return []
    folder = f"{plan.option('expdir')}/figure_{number}"
    evaluation, set_name = Evaluation(plan), plan.words("test_sets")[0]
    if part["over"] == "rows":
        about = [(name, seed) for seed in plan.seeds for name in plan.variants]
    else:
        about = [x for x in plan.required() if plan.entry(x[0]).get("stage") == part["over"]]
    jobs = []
    for name, seed in about:
        partner = plan.entry(name).get("partner", "")
        if name in part.get("without", ()):
            continue
        if part.get("with_partner") and partner not in plan.variants:
            continue
        row = Path(plan.folder(name, seed)).name.removeprefix(part.get("prefix", ""))
        out = f"{folder}/seed{seed}/{row}"
        local = {"out": out, "partner": partner, "nj": "$nj", "set": set_name}
        local["hears"] = evaluation.heard(Speech(seed, name, set_name))
        command = plan.expand_words(part["command"], seed, local, name)
        jobs.append(Job(f"figure {number} of {row} seed {seed}", out, tuple(command)))
    share = str(max(1, plan.nj // max(1, len(jobs))))
    return [
        Job(job.name, job.folder, tuple(share if w == "$nj" else w for w in job.command))
        for job in jobs
    ]


def report(plan: Plan) -> list[Job]:
    """Write the table and the page of each test set; always anew, since without a table or figure
    they show all seeds and variants that are there, also those of earlier runs."""
    part = next(
        (f"{kind}_{plan.option(kind)}" for kind in ("table", "figure") if plan.option(kind)), ""
    )
    evaluation = Evaluation(plan)
    jobs = []
    for name in plan.words("test_sets"):
        out = report_folder(plan, name)
        command = ["sslse", "report", "--exp", plan.option("expdir"), "--set", name, "--out", out]
        command += ["--data", evaluation.noisy(name), "--method", str(plan.method.path)]
        if plan.method.extension:
            command += ["--extension", str(plan.method.extension)]
        title = plan.option("title")
        if part:
            kind, number = part.split("_", 1)
            title += f": {kind.capitalize()} {number}"
            command += [f"--{kind}", number, "--variants", ",".join(_rows_in_order(plan))]
            judges = dict.fromkeys(n for row in plan.variants for n in evaluation.backends(row))
            command += ["--backends", ",".join(judges), "--seeds", ",".join(map(str, plan.seeds))]
        for option in ("max_clean_wer", "examples", "more_examples"):
            if value := plan.option(option):
                command += [f"--{option.replace('_', '-')}", value]
        command += ["--title", title, "--command", os.environ.get("SSLSE_COMMAND", "./run.sh")]
        # Folders of earlier runs may have observation adding where this one has none.
        if "oa_weights" in plan.options and not plan.words("oa_weights"):
            command.append("--without-oa")
        # A table or figure has its own: what was seen in one is not true of another.
        remarks = Path(plan.option("remarks"))
        if part:
            remarks = remarks.with_stem(f"{remarks.stem}_{part}")
        if remarks.is_file():
            command += ["--remarks", str(remarks)]
        # The rows' speech is analysed on the first set alone; what was trained has no test set.
        first = name == plan.words("test_sets")[0]
        if figure(plan) and (first or plan.figure["over"] != "rows"):
            command += ["--analyses", f"{plan.option('expdir')}/{part}"]
        command += ["--text", f"{out}/table.txt"]
        jobs.append(Job(f"report {name}", out, tuple(command), keep="always"))
    return jobs


def _rows_in_order(plan: Plan) -> list[str]:
    """Clean and noisy speech first, as a reader expects them."""
    first = [name for name in ("clean", "noisy") if name in plan.variants]
    return first + [name for name in plan.variants if name not in first]


def report_folder(plan: Plan, set_name: str) -> str:
    """Return the folder of the report of a test set."""
    folder = f"{plan.option('expdir')}/report"
    for kind in ("table", "figure"):
        if plan.option(kind):
            folder += f"/{kind}_{plan.option(kind)}"
    return folder if plan.words("test_sets") == [set_name] else f"{folder}/{set_name}"


def pack(plan: Plan) -> list[Job]:
    """Pack every enhancer that was trained here."""
    evaluation = Evaluation(plan)
    jobs = []
    for name, seed in plan.required():
        if plan.is_trained(name) and evaluation.enhancer(name):
            folder = plan.folder(name, seed)
            command = ("sslse", "pack", "--exp", folder, "--out", f"{folder}/packed")
            jobs.append(Job(f"pack {name} seed {seed}", f"{folder}/packed", command))
    return jobs


STAGES: dict[str, Callable[[Plan], list[Job]]] = {
    "download": download,
    "prepare_data": prepare_data,
    "simulate_noise": simulate_noise,
    "choose": lambda plan: Evaluation(plan).choose_jobs(),
    "grow": lambda plan: Evaluation(plan).grow_jobs(),
    "select": lambda plan: Evaluation(plan).select_jobs(),
    "decode": lambda plan: Evaluation(plan).decode_jobs(),
    "score": lambda plan: Evaluation(plan).score_jobs(),
    "figure": figure,
    "report": report,
    "pack": pack,
}


def stage_names(plan: Plan) -> list[str]:
    """Return the stages of a method: those above, and those in which something is trained."""
    trained = [entry["stage"] for entry in plan.method.entries.values() if "stage" in entry]
    return list(dict.fromkeys([*STAGES, *trained]))


def check_stage(stage: str, plan: Plan) -> None:
    """Refuse a name that no stage has.

    Raises:
        ConfigError: naming the nearest.
    """
    known = stage_names(plan)
    if stage not in known:
        raise ConfigError(f"no stage '{stage}'{nearest(stage, known)}")
