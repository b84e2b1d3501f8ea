"""Who enhances, hears, judges and scores what, and how settings are chosen."""

import json
from pathlib import Path

import pytest

from sslse.errors import ConfigError
from sslse.recipe.evaluation import Evaluation, Speech
from sslse.recipe.stages import jobs_of

OUT = "exp/seed0/{}/decode_test/oa{}"


def by_folder(stage, plan):
    jobs = jobs_of(stage, plan)
    assert len({job.folder for job in jobs}) == len(jobs)
    return {job.folder: " ".join(job.command) for job in jobs}


def test_every_row_is_judged_by_every_back_end(make_plan):
    plan = make_plan(backends="words voices", variants="tuned tuned_other", seeds="0 1")
    jobs = by_folder("decode", plan)
    rows = ("noisy", "clean", "tuned", "tuned_other")
    for seed in (0, 1):
        for row in rows:
            out = OUT.replace("seed0", f"seed{seed}").format(row, 0)
            assert jobs[f"{out}/hyp_words"] == (
                f"decode --model exp/seed{seed}/ds_words/downstream --data {out}/wav.scp "
                f"--out {out}/hyp_words"
            )
            assert "--trials data/test_noisy/trials" in jobs[f"{out}/voices"]
    assert len(jobs) == 2 * len(rows) * 3


def test_noisy_and_clean_speech_is_taken_and_that_of_models_enhanced(make_plan):
    jobs = by_folder("decode", make_plan())
    for row, name in (("noisy", "wav.scp"), ("clean", "spk1.scp")):
        out = OUT.format(row, 0)
        assert jobs[out] == f"cp data/test_noisy/{name} {out}/wav.scp"
    out = OUT.format("tuned", 0)
    assert jobs[out] == (
        f"sslse enhance data/test_noisy/wav.scp -o {out} --model exp/seed0/tuned/enhancer --oa 0"
    )


def test_a_row_that_hears_another_is_judged_on_its_speech(make_plan):
    """The other one is enhanced also where it is no row; signals are not measured twice."""
    for variants in ("heard", "heard tuned"):
        plan = make_plan(variants=variants, backends="voices")
        jobs = by_folder("decode", plan)
        assert "--model exp/seed0/tuned/enhancer" in jobs[OUT.format("tuned", 0)]
        heard = OUT.format("heard", 0)
        assert heard not in jobs
        assert f"--data {OUT.format('tuned', 0)}/wav.scp" in jobs[f"{heard}/hyp_words"]
        assert f"{heard}/voices" not in jobs  # its back-ends are its own
        score = by_folder("score", plan)[f"{heard}/scores"]
        assert "--enhanced" not in score and f"--hyp words={heard}/hyp_words/text" in score


@pytest.mark.parametrize(
    ("given", "tested"), [("", ["0"]), ("0.3", ["0", "0.3"]), ("0", ["0"]), ("0.1 0.2", ["0"])]
)
def test_observation_adding_is_tested_with_the_given_weight(make_plan, given, tested):
    plan = make_plan(oa_weights=given)
    jobs = by_folder("decode", plan)
    for row, weights in (("tuned", tested), ("noisy", ["0"]), ("clean", ["0"])):
        made = [folder for folder in jobs if folder.startswith(f"exp/seed0/{row}/")]
        assert {folder.split("/oa")[1].split("/")[0] for folder in made} == set(weights)
    assert set(by_folder("score", plan)) == {
        *(OUT.format(row, 0) + "/scores" for row in ("noisy", "clean")),
        *(OUT.format("tuned", weight) + "/scores" for weight in tested),
    }


def test_of_several_weights_that_of_the_validation_set_is_tested(make_plan):
    plan = make_plan(oa_weights="0.1 0.2", seeds="0 1", backends="words voices")
    chosen = by_folder("choose", plan)
    for seed in (0, 1):
        for weight in ("0", "0.1", "0.2"):
            out = f"exp/seed{seed}/tuned/decode_valid/oa{weight}"
            assert f"--oa {weight}" in chosen[out]
            # Chosen by words alone.
            assert f"{out}/hyp_words" in chosen and f"{out}/voices" not in chosen
            assert "--metrics" not in chosen[f"{out}/scores"]
            assert f"--hyp words={out}/hyp_words/text" in chosen[f"{out}/scores"]
        # Of clean speech, which tells whether a recogniser is credible.
        out = f"exp/seed{seed}/clean/decode_valid/oa0"
        assert f"--hyp words={out}/hyp_words/text" in chosen[f"{out}/scores"]
    assert len(chosen) == 2 * (3 + 1) * 3  # of rows that are enhanced here, the one
    (select,) = jobs_of("select", plan)
    assert select.keep == "always" and select.command == (
        *("sslse", "select", "--scores"),
        *("exp/seed0/tuned/decode_valid", "exp/seed1/tuned/decode_valid"),
        *("--recognizers", "words"),
    )
    for seed, weight in ((0, 0.2), (1, 0)):
        path = Path(f"exp/seed{seed}/tuned/oa_valid.json")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"weight": weight}))
    assert Evaluation(plan).weights(0, "tuned") == ["0", "0.2"]
    assert Evaluation(plan).weights(1, "tuned") == ["0"]


def test_the_observation_may_be_interpolated(make_plan):
    """Its speech stands beside that of the additive form; without the observation both are one."""
    plan = make_plan(oa_weights="0.3", oa_form="interpolate")
    jobs = by_folder("decode", plan)
    plain, added = (f"exp/seed0/tuned/decode_test/{name}" for name in ("oa0", "oi0.3"))
    assert "--oa-form" not in jobs[plain] and jobs[added].endswith("--oa 0.3 --oa-form interpolate")
    assert f"--data {added}/wav.scp" in jobs[f"{added}/hyp_words"]
    assert f"{added}/scores" in by_folder("score", plan)
    plan = make_plan(oa_weights="0.1 0.2", oa_form="interpolate")
    assert "exp/seed0/tuned/decode_valid/oi0.2/scores" in by_folder("choose", plan)
    (select,) = jobs_of("select", plan)
    assert select.command[-2:] == ("--oa-form", "interpolate")
    Path("exp/seed0/tuned").mkdir(parents=True)
    for name, weight in (("oa", 0.1), ("oi", 0.2)):
        Path(f"exp/seed0/tuned/{name}_valid.json").write_text(json.dumps({"weight": weight}))
    assert Evaluation(plan).weights(0, "tuned") == ["0", "0.2"]


def test_another_experiment_chose_its_weights_itself(make_plan):
    plan = make_plan(oa_weights="0.1 0.2", se_exp="other/exp")
    assert jobs_of("choose", plan) == jobs_of("select", plan) == []
    path = Path("other/exp/seed0/tuned/oa_valid.json")
    path.parent.mkdir(parents=True)
    path.write_text('{"weight": 0.1}')
    assert Evaluation(plan).weights(0, "tuned") == ["0", "0.1"]


def test_a_value_of_a_back_end_is_chosen_among_its_option(make_plan):
    plan = make_plan(backends="search", variants="tuned")
    chosen = by_folder("choose", plan)
    for row in ("noisy", "tuned"):
        for weight in ("0.3", "1.0"):
            out = f"exp/seed0/{row}/decode_valid/oa0/hyp_search_{weight}"
            assert f"--weight {weight}" in chosen[out]
    select = {job.command[job.command.index("--out") + 1]: job for job in jobs_of("select", plan)}
    assert set(select) == {f"exp/seed0/{row}/search_valid.json" for row in plan.variants}
    job = select["exp/seed0/tuned/search_valid.json"]
    assert job.command[:4] == (
        *("sslse", "select", "--hypotheses", "exp/seed0/tuned/decode_valid/oa0/hyp_search"),
    )
    assert job.command[-2:] == ("--out", "exp/seed0/tuned/search_valid.json")
    assert "0.3 1.0" in " ".join(job.command)
    # Before there is a choice the first of the list; then the chosen one, as it was written.
    assert "--weight 0.3" in by_folder("decode", plan)[OUT.format("tuned", 0) + "/hyp_search"]
    path = Path("exp/seed0/tuned/search_valid.json")
    path.parent.mkdir(parents=True)
    path.write_text('{"weight": 1}')
    jobs = by_folder("decode", plan)
    assert "--weight 1.0" in jobs[OUT.format("tuned", 0) + "/hyp_search"]
    assert "--weight 0.3" in jobs[OUT.format("noisy", 0) + "/hyp_search"]


def test_a_back_end_is_set_up_on_the_validation_set(make_plan):
    jobs = by_folder("decode", make_plan(backends="turns", seeds="0 1"))
    for seed in (0, 1):
        own = f"exp/seed{seed}/ds_turns"
        assert jobs[f"{own}/prepared"] == (
            f"diarize --model {own}/downstream --data data/valid --out {own}/prepared"
        )
        judged = jobs[OUT.format("tuned", 0).replace("seed0", f"seed{seed}") + "/turns"]
        assert f"--settings {own}/prepared/settings.json" in judged
    noisy = by_folder("decode", make_plan("backends: {turns: {data: mixture}}", backends="turns"))
    assert "--data data/valid_noisy" in noisy["exp/seed0/ds_turns/prepared"]


def test_what_a_back_end_needs_of_a_set_is_made_once_for_it(make_plan):
    own = "{per_set: {folder: '$datadir/${set}_pairs', command: 'pair $set $out'}}"
    plan = make_plan(f"backends: {{voices: {own}}}", backends="voices", test_sets="a b")
    jobs = [job for job in jobs_of("decode", plan) if job.command[0] == "pair"]
    assert [job.command for job in jobs] == [
        ("pair", "a", "data/a_pairs"),
        ("pair", "b", "data/b_pairs"),
    ]


def test_scores_have_the_metrics_and_their_limits(make_plan):
    plan = make_plan(metrics="sdr stoi", max_utts="stoi=40 dnsmos=3", backends="")
    jobs = jobs_of("score", plan)
    assert {job.keep for job in jobs} == {"update"}
    score = by_folder("score", plan)[OUT.format("tuned", 0) + "/scores"]
    assert f"--enhanced {OUT.format('tuned', 0)}/wav.scp --metrics sdr,stoi" in score
    assert "--max-utts stoi=40" in score and "dnsmos" not in score
    # Nothing to score is no job.
    assert jobs_of("score", make_plan(metrics="", backends="")) == []


def test_a_metric_whose_package_is_missing_is_left_out_and_named(make_plan, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    score = by_folder("score", make_plan(metrics="pesq sdr pesq_nb composite"))
    assert all("--metrics sdr --" in job for job in score.values())
    message = "pesq, pesq_nb, composite: left out, because PESQ is not installed"
    assert message in capsys.readouterr().err


def test_speech_is_named_by_who_made_it():
    assert str(Speech(3, "tuned", "test", "0.2")) == "tuned seed 3 test oa0.2"


def test_one_more_weight_is_tried_where_the_best_is_at_the_edge(make_plan):
    """For all seeds; and what was tried once is kept up to date."""
    plan = make_plan(oa_weights="0.1 0.2", seeds="0 1")
    assert jobs_of("grow", plan) == []
    table = {"0": {"mean": 0.3}, "0.1": {"mean": 0.2}, "0.2": {"mean": 0.1}}
    path = Path("exp/seed0/tuned/oa_valid.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"weight": 0.2, "table": table}))
    grown = by_folder("grow", plan)
    for seed in (0, 1):
        assert f"exp/seed{seed}/tuned/decode_valid/oa0.4/scores" in grown
    assert not any("/oa0.2" in folder or "/oa0/" in folder for folder in grown)
    table["0.4"] = {"mean": 0.2}
    path.write_text(json.dumps({"weight": 0.2, "table": table}))
    assert jobs_of("grow", plan) == []
    assert "exp/seed1/tuned/decode_valid/oa0.4/scores" in by_folder("choose", plan)


def test_what_is_planned_ahead_guesses_that_a_weight_is_chosen(make_plan):
    plan = make_plan(oa_weights="0.1 0.2")
    assert "exp/seed0/tuned/decode_test/oa0.1" not in by_folder("decode", plan)
    plan.ahead = True
    assert "exp/seed0/tuned/decode_test/oa0.1" in by_folder("decode", plan)


def test_jobs_say_what_they_are_expected_to_take(make_plan):
    """Of an entry, else of the stage."""
    plan = make_plan("minutes: {tuned: 4, score: 0.5}")
    (tuned,) = (job for job in jobs_of("tune", plan) if job.folder == "exp/seed0/tuned")
    assert tuned.minutes == 4
    assert {job.minutes for job in jobs_of("score", plan)} == {0.5}
    assert {job.minutes for job in jobs_of("decode", plan)} == {0}
    with pytest.raises(ConfigError, match="minutes of 'score': 'long' is no number"):
        jobs_of("score", make_plan("minutes: {score: long}"))
