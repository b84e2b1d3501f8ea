"""Every recipe with every table and figure that it has can be planned, and its plan is whole."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from sslse.downloads.download import ADDRESSES, choose, read_addresses
from sslse.recipe.method import PARTS, SECTIONS
from sslse.recipe.options import describe
from sslse.recipe.plan import REFERENCE
from sslse.report.paper import read_paper
from sslse.runtime.settings import read_settings

EGS = Path(__file__).resolve().parents[2] / "egs"
RECIPES = sorted(
    str(script.parent.relative_to(EGS))
    for script in EGS.glob("*/*/run.sh")
    if "TEMPLATE" not in script.parts
)
pytestmark = pytest.mark.parametrize("recipe", RECIPES)


def runs(planner, recipe):
    """Return the options of every run: that without any, each table, each figure."""
    method = planner.method(recipe)
    return [{}, *({kind: number} for kind in PARTS for number in method.parts(kind))]


def words_of(command):
    """Return the words of a command, those inside of arguments, and values after a ``=``."""
    return [word for argument in command for word in argument.replace("=", " ").split()]


def is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def test_every_configuration_is_there(planner, recipe):
    for options in runs(planner, recipe):
        for job in planner.jobs(recipe, **options):
            for word in words_of(job.command):
                if word.endswith((".yaml", ".yml")) and not word.startswith("/"):
                    assert (EGS / recipe / word).is_file(), f"{options} {job.name}: {word}"


@pytest.mark.parametrize("seeds", ["0", "3 5"])
def test_what_is_read_was_made_before(planner, recipe, seeds):
    """Each path in the experiment, and each noisy set, is the folder of an earlier job."""
    for options in runs(planner, recipe):
        plan = planner(recipe, seeds=seeds, **options)
        datadir, expdir = plan.option("datadir"), plan.option("expdir")
        made: list[str] = []
        for job in planner.jobs(recipe, seeds=seeds, **options):
            for word in words_of(job.command):
                if is_below(word, job.folder):
                    continue
                if word.startswith(f"{expdir}/"):
                    known = [*made, f"{expdir}/figure_{plan.option('figure')}"]
                elif re.match(rf"{datadir}/\w+_noisy\b", word):
                    known = [*made, *(f"{datadir}/{name}_noisy" for name in plan.words("recorded"))]
                    known.remove(datadir)
                else:
                    continue
                assert any(is_below(word, folder) for folder in known), f"{options} {job}: {word}"
            made.append(job.folder)


def test_what_is_trained_is_used(planner, recipe):
    for options in runs(planner, recipe):
        jobs = planner.jobs(recipe, **options)
        for place, job in enumerate(jobs):
            if job.command[0] == "sslse" and job.command[1].startswith("train"):
                words = [word for later in jobs[place + 1 :] for word in words_of(later.command)]
                assert any(is_below(word, job.folder) for word in words), f"{options} {job.name}"


def test_fine_tunings_that_are_compared_see_equally_many_utterances(planner, recipe):
    """Those whose last weights are taken (``last: true``): steps times utterances a step."""
    for options in runs(planner, recipe):
        seen = {}
        for job in planner.jobs(recipe, **options):
            words = list(job.command)
            if words[:2] != ["sslse", "train"] or "--average-best" not in words:
                continue
            files = [word for flag, word in pairwise(words) if flag == "--config"]
            settings = read_settings(*(EGS / recipe / file for file in files))
            trainer, data = settings["trainer"], settings["data"]["init_args"]
            utterances = data["batch_size"] * trainer.get("accumulate_grad_batches", 1)
            seen[job.name] = trainer["max_steps"] * utterances
        assert len(set(seen.values())) <= 1, f"{options} {seen}"


def test_no_two_jobs_share_a_folder(planner, recipe):
    """Not even two runs with one --expdir: a table finds what another one trained."""
    commands: dict[str, tuple[str, ...]] = {}
    for options in runs(planner, recipe):
        own: set[str] = set()
        for job in planner.jobs(recipe, **options):
            if job.keep == "always":
                continue
            # A name is that of a log, too.
            assert not {job.folder, job.name} & own, f"{options} {job}"
            own |= {job.folder, job.name}
            if not job.keep:
                earlier = commands.setdefault(job.folder, job.command)
                assert earlier == job.command, f"{options} {job.name}"


def test_a_table_sets_no_option_that_the_recipe_gives(planner, recipe):
    """The command line, and so run.sh, is stronger: it would be without effect."""
    method, (_, given) = planner.method(recipe), planner.options(recipe)
    for kind in PARTS:
        for number, part in method.parts(kind).items():
            own = {"variants", "backends"}.intersection(part)
            assert not given & {*own, *(part.get("options") or {})}, f"{kind} {number}"
    assert not given & set(method.tree.get("options") or {})


def test_every_row_has_a_label_and_every_part_a_caption(planner, recipe):
    method = planner.method(recipe)
    assert set(method.names("variants")) == set(method.labels)
    assert len(set(method.labels.values())) == len(method.labels)
    for kind in PARTS:
        assert all(part.get("caption") for part in method.parts(kind).values())
        for number, part in method.parts(kind).items():
            assert planner(recipe, **{kind: number}).words("variants"), f"{kind} {number}"
            method.check("variants", part.get("variants", ()), "variants")


def test_every_name_is_an_entry(planner, recipe):
    """Also those that no table needs."""
    method = planner.method(recipe)
    plan = planner(recipe)

    def names(value):
        if isinstance(value, dict):
            return [name for part in value.values() for name in names(part)]
        if isinstance(value, list):
            return [name for part in value for name in names(part)]
        return REFERENCE.findall(value) if isinstance(value, str) else []

    for name, entry in method.entries.items():
        assert {*names(entry)} - {"self"} <= set(method.entries), name
        if entry.get("hears", "noisy") != "noisy":  # noisy speech is there also without a row
            assert entry["hears"] in method.names("variants") + method.names("models"), name
        method.check("backends", entry.get("backends", ()), name)
        if "partner" in entry:
            method.check("variants", [entry["partner"]], name)
        assert method.section[name] in SECTIONS
        # A model is made in a stage, given, or both; a row is judged, or trained, too.
        if method.section[name] == "models":
            assert entry.keys() & {"stage", "given"}, name
        if plan.is_trained(name):
            assert ("config" in entry) != ("command" in entry), name
    method.check("variants", method.always, "always")


def test_what_the_paper_says_is_of_rows_that_there_are(planner, recipe):
    method = planner.method(recipe)
    for options in runs(planner, recipe):
        ((kind, number),) = options.items() or [("", "")]
        paper = read_paper(method, kind, number)
        pairs = [(c.first, c.second) for c in paper.changes]
        pairs += [pair[:2] for pair in (*paper.better, *paper.not_better, *paper.compared)]
        named = {name for pair in pairs for name, _ in pair} | {name for name, _ in paper.rows}
        assert named <= paper.labels.keys(), options
        assert {len(numbers) for numbers in paper.rows.values()} <= {len(paper.columns)}, options
        assert paper.citation and paper.setting


def test_help_names_everything(planner, recipe):
    method = planner.method(recipe)
    text = describe(method)
    for section in ("variants", "backends"):
        for name in method.names(section):
            assert re.search(rf"^[* ] {re.escape(name)}( |$)", text, re.MULTILINE), name
    for kind in PARTS:
        for number, part in method.parts(kind).items():
            assert re.search(rf"--{kind} {number} +{re.escape(part['caption'])}", text)


def test_enhancers_of_another_experiment_are_trained_there(planner, recipe):
    """With the same table or figure where the recipe has none."""
    for options in runs(planner, recipe):
        other = planner(recipe, **options).options.get("se_exp", "")
        if not other:
            continue
        source = str((EGS / recipe / other).resolve().parent.relative_to(EGS.resolve()))
        made = {job.folder for job in planner.jobs(source)}
        made |= {job.folder for job in planner.jobs(source, **options)}
        for job in planner.jobs(recipe, **options):
            for word in job.command:
                if word.startswith(other):
                    model = word.replace(other, planner(source).option("expdir"))
                    assert any(is_below(model, folder) for folder in made), f"{options} {word}"


def test_the_corpora_of_stage_0_are_those_that_it_reads(planner, recipe):
    """Each is named in db.sh and known to `sslse download`, with the parts that data.sh takes."""
    corpora = planner.method(recipe).tree.get("corpora") or {}
    variables = re.findall(r"^export (\w+)=", (EGS / recipe / "db.sh").read_text(), re.MULTILINE)
    script = (EGS / recipe / "local/data.sh").read_text()
    for other in re.findall(r"(\.\./\w+/local/data\.sh) --", script):  # which it hands on to
        script += (EGS / recipe / other).read_text()
    known = read_addresses(ADDRESSES)
    for variable, word in corpora.items():
        corpus, parts = choose(word, known)
        assert variable in variables and variable in script
        if corpus.name == "librispeech":
            taken = set(re.findall(r"\b(?:train|dev|test)-(?:clean|other)(?:-\d+)?\b", script))
            assert taken <= {part.name for part in parts}
