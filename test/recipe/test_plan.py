"""Templates become text; what is needed is trained, once, and nothing else."""

import pytest

from sslse.errors import ConfigError
from sslse.recipe.stages import check_stage, jobs_of


def folders(plan, *stages):
    return [job.folder for stage in stages for job in jobs_of(stage, plan)]


def options_of(job):
    """Return the options of a training with their values; repeated ones as a list."""
    found = {}
    for key, value in zip(job.command, job.command[1:], strict=False):
        if key.startswith("--"):
            found.setdefault(key, []).append(value)
    return found


def test_templates_name_options_values_and_models(make_plan):
    plan = make_plan(title="a b", train_set="speech")
    for template, text in {
        "$datadir/${train_set}_noisy": "data/speech_noisy",
        "$title": "a b",  # one word, whatever is in it
        "$other_set": "speech",  # empty: what the method says
        "{teacher}": "exp/seed3/teacher/upstream",
        "{teacher.folder}/x": "exp/seed3/teacher/x",
        "{words}": "exp/seed3/ds_words/downstream",
        "{self.folder}": "exp/seed3/tuned",
        "{$which.folder}": "exp/seed3/first",
        "{texts}": "exp/texts",  # one for all seeds
        "$root/utils $nj $seed": "ROOT/utils 2 3",
        "100 %": "100 %",
    }.items():
        assert plan.expand(template, 3, {"which": "first"}, "tuned") == text
    for value, text in ((0.5, "0.5"), (True, "true"), ({"name": "x"}, '{"name": "x"}'), (3, "3")):
        assert plan.expand(value, 0) == text
    with pytest.raises(ConfigError, match="asks for \\$titel; did you mean 'title'?"):
        plan.expand("$titel", 0)
    with pytest.raises(ConfigError, match="no entry 'teachr'; did you mean 'teacher'?"):
        plan.expand("{teachr}", 0)


def test_a_value_is_not_a_template(make_plan):
    assert make_plan(title="{tuned} $seed").expand("$title", 0) == "{tuned} $seed"


def test_words_stay_words_and_three_dots_are_many(make_plan):
    plan = make_plan(title="a b", train_args="--x 'c d' --y", metrics="")
    assert plan.expand_words("$title 'e f' $title", 0) == ["a b", "e f", "a b"]
    assert plan.expand_words("$train_args... $metrics...", 0) == ["--x", "c d", "--y"]
    assert plan.expand_words(["$title...", "a b"], 0) == ["a", "b", "a b"]
    with pytest.raises(ConfigError, match="--train_args: cannot split 'it's'"):
        make_plan(train_args="it's").expand_words("$train_args...", 0)


def test_a_training_has_its_configuration_data_and_settings(make_plan):
    plan = make_plan(variants="tuned", seeds="3", train_args="--trainer.max_steps 20")
    (job,) = jobs_of("tune", plan)
    assert (job.name, job.folder, job.kind) == ("tuned seed 3", "exp/seed3/tuned", "train")
    assert job.command[:2] == ("sslse", "train")
    assert options_of(job) == {
        "--config": ["conf/tune.yaml", "conf/more.yaml"],
        "--exp": ["exp/seed3/tuned"],
        "--seed": ["3"],
        "--data.train": ["data/train"],
        "--data.noise": ["data/noise_train"],
        "--data.valid": ["data/valid_noisy"],
        "--average-best": ["0"],
        "--init-param": ["exp/seed3/first/enhancer"],
        "--model.teacher": ["exp/seed3/teacher/upstream"],
        "--model.alpha": ["0.5"],
        "--model.front": ['{"name": "x"}'],
        "--trainer.max_steps": ["20"],
    }
    (head,) = jobs_of("heads", plan)
    assert "--data.noise" not in head.command  # on clean speech
    assert options_of(head)["--data.valid"] == ["data/valid"]
    # A setting that is null is left to the configuration.
    (other,) = jobs_of("tune", make_plan(variants="tuned_other"))
    assert "--model.alpha" not in other.command and "--model.front" in other.command


def test_recorded_speech_gets_no_noise(make_plan):
    (job,) = jobs_of("tune", make_plan(recorded="train valid"))
    assert "--data.noise" not in job.command
    assert options_of(job)["--data.valid"] == ["data/valid_noisy"]


@pytest.mark.parametrize(
    ("seeds", "partners"),
    [("0", {0: 1}), ("3 5", {3: 5, 5: 3}), ("4 2 9", {4: 2, 2: 9, 9: 4}), ("6 6", {6: 7})],
)
def test_the_next_seed_is_that_of_the_list_and_round_it(make_plan, seeds, partners):
    plan = make_plan(seeds=seeds, variants="tuned_other", backends="")
    taken = {
        int(job.folder[8]): options_of(job)["--model.teacher"] for job in jobs_of("tune", plan)
    }
    assert taken == {seed: [f"exp/seed{next}/teacher/upstream"] for seed, next in partners.items()}
    # Each is trained with the seed that its folder says, and once.
    teachers = {job.folder: options_of(job)["--seed"] for job in jobs_of("teach", plan)}
    assert teachers == {f"exp/seed{n}/teacher": [str(n)] for n in partners.values()}


def test_each_folder_is_made_once(make_plan):
    plan = make_plan(seeds="0 1", variants="tuned tuned_other tuned", backends="words search")
    made = folders(plan, "first", "teach", "tune", "heads")
    assert len(made) == len(set(made))
    # teacher and teacher_other are one folder; texts are one for all seeds.
    assert sum(folder.endswith("/teacher") for folder in made) == 2
    assert made.count("exp/texts") == 1


def test_only_what_is_needed_is_trained(make_plan):
    alone = make_plan(variants="", backends="")
    assert folders(alone, "first", "teach", "tune", "heads") == []  # noisy and clean speech
    tuned = make_plan(backends="")
    assert folders(tuned, "first", "teach", "tune", "heads") == [
        *("exp/seed0/first", "exp/seed0/teacher", "exp/seed0/tuned")
    ]
    head = make_plan(variants="")
    assert folders(head, "first", "teach", "tune", "heads") == [
        *("exp/seed0/teacher", "exp/seed0/ds_words")
    ]
    # What a row hears and a back-end of its own are needed, too.
    heard = make_plan(variants="heard", backends="")
    assert set(folders(heard, "first", "teach", "tune", "heads")) == {
        f"exp/seed0/{name}" for name in ("first", "teacher", "tuned", "ds_words")
    }


def test_a_given_model_is_not_trained_nor_what_it_needs(make_plan):
    plan = make_plan(teacher_model="org/big", variants="tuned")
    assert folders(plan, "teach") == []
    (job,) = jobs_of("tune", plan)
    assert options_of(job)["--model.teacher"] == ["org/big"]
    # The other teacher is that of a seed, so it is trained all the same.
    assert folders(make_plan(teacher_model="org/big", variants="tuned_other"), "teach") == [
        "exp/seed1/teacher"
    ]
    own = 'models: {deep: {stage: teach, command: "x {texts} $out", given: $teacher_model}}\n'
    own += "variants: {tuned: {set: {model.teacher: '{deep}'}}}"
    assert folders(make_plan(own, backends=""), "teach") == ["exp/texts", "exp/seed0/deep"]
    assert folders(make_plan(own, backends="", teacher_model="org/big"), "teach") == []


def test_enhancers_of_another_experiment_are_taken_and_not_trained(make_plan):
    plan = make_plan(se_exp="../se/exp", seeds="2")
    assert folders(plan, "first", "tune") == []
    assert folders(plan, "teach", "heads") == ["exp/seed2/teacher", "exp/seed2/ds_words"]
    assert plan.model("tuned", 2) == "../se/exp/seed2/tuned/enhancer"


def test_a_command_of_its_own(make_plan):
    (job,) = [
        job
        for job in jobs_of("teach", make_plan(backends="search", train_args="a b"))
        if job.folder == "exp/texts"
    ]
    assert job.command == ("make", "a", "b", "exp/0", "exp/texts")
    assert (job.name, job.kind) == ("texts", "train")


def test_needs_without_an_end_are_one_sentence(make_plan):
    own = "models: {a: {stage: x, command: 'm {b}'}, b: {stage: x, command: 'm {a}'}}\n"
    plan = make_plan(own + "variants: {tuned: {init: '{a}'}}")
    with pytest.raises(ConfigError, match="a needs b needs a, which has no end"):
        jobs_of("x", plan)


def test_an_unknown_stage_names_the_nearest(make_plan):
    plan = make_plan()
    for stage in ("decode", "teach", "tune", "report"):
        check_stage(stage, plan)
    with pytest.raises(ConfigError, match="no stage 'tunne'; did you mean 'tune'?"):
        check_stage("tunne", plan)
