"""Data, noise, figures, reports and packs."""

from pathlib import Path

from sslse.recipe.corpora import unnamed_corpora
from sslse.recipe.stages import jobs_of, report_folder

CONDITIONS = """
conditions:
  loud: {noise: _a, snr_low: -5, snr_high: -5}
  clean: {snr_low: .inf, snr_high: .inf}
"""


CORPORA = "corpora: {LIBRI: 'librispeech:dev-clean,test-clean', VOX: voxceleb1, NOISE: musan}"


def test_corpora_that_db_sh_does_not_name_are_downloaded(make_plan, monkeypatch):
    for name in ("LIBRI", "VOX", "NOISE"):
        monkeypatch.delenv(name, raising=False)
    plan = make_plan(CORPORA, downloads="d")
    folders = {"LIBRI": "d/LibriSpeech", "VOX": "", "NOISE": "d/musan"}
    assert unnamed_corpora(plan.method, "d") == folders
    # As pipeline.sh exports them: they are still those of stage 0.
    monkeypatch.setenv("LIBRI", "d/LibriSpeech")
    monkeypatch.setenv("NOISE", "/corpora/musan")
    (job,) = jobs_of("download", plan)
    assert " ".join(job.command) == (
        "sslse download LIBRI=librispeech:dev-clean,test-clean VOX=voxceleb1 --to d"
    )
    assert job.keep == "always"
    monkeypatch.setenv("LIBRI", "/corpora/LibriSpeech")
    monkeypatch.setenv("VOX", "/corpora/vox")
    assert jobs_of("download", plan) == [] == jobs_of("download", make_plan())
    assert unnamed_corpora(plan.method, "d") == {}


def test_data_is_made_once_and_kept(make_plan):
    (job,) = jobs_of("prepare_data", make_plan(test_sets="a b", local_data_opts="--num 3"))
    assert (job.folder, job.keep) == ("data", "keep")
    assert " ".join(job.command) == (
        "ROOT/utils/prepare_data.sh --datadir data --nj 2 --sets train valid a b --num 3"
    )
    (job,) = jobs_of("prepare_data", make_plan(recorded="train valid"))
    assert job.command[job.command.index("--recorded") + 1] == "train valid"


def test_data_of_other_tasks_are_made_for_those_alone(make_plan):
    for backends, number in (("words", 1), ("words voices", 1)):
        assert len(jobs_of("prepare_data", make_plan(backends=backends))) == number
    script = Path("local/task_data.sh")
    script.parent.mkdir()
    script.touch(0o755)
    for backends, number in (("words", 1), ("words voices", 2)):
        jobs = jobs_of("prepare_data", make_plan(backends=backends))
        assert len(jobs) == number
    assert jobs[1].command[0] == "local/task_data.sh" and jobs[1].folder == "data/tasks"


def test_noise_is_mixed_for_what_is_not_recorded(make_plan):
    jobs = jobs_of("simulate_noise", make_plan(test_sets="a b", recorded="b"))
    assert [job.folder for job in jobs] == ["data/valid_noisy", "data/a_noisy"]
    assert " ".join(jobs[1].command) == (
        "sslse simulate --speech data/a --noise data/noise_a --out data/a_noisy "
        "--config conf/simulate.yaml --seed 0 --nj 1"
    )


def test_validation_sets_may_have_settings_of_their_own(make_plan):
    configs = {
        job.folder: job.command[job.command.index("--config") + 1]
        for job in jobs_of("simulate_noise", make_plan(simulate_valid_config="conf/valid.yaml"))
    }
    assert configs == {
        "data/valid_noisy": "conf/valid.yaml",
        "data/test_noisy": "conf/simulate.yaml",
    }


def test_conditions_are_mixed_one_by_one_and_combined(make_plan):
    jobs = {
        job.folder: " ".join(job.command)
        for job in jobs_of("simulate_noise", make_plan(CONDITIONS))
    }
    assert list(jobs) == [
        *("data/valid_noisy", "data/test_noisy_loud", "data/test_noisy_clean", "data/test_noisy")
    ]
    assert "--condition" not in jobs["data/valid_noisy"]
    loud, clean = jobs["data/test_noisy_loud"], jobs["data/test_noisy_clean"]
    assert "--noise data/noise_test_a " in loud and "--noise data/noise_test " in clean
    assert "--condition loud --set snr_low=-5 --set snr_high=-5" in loud
    assert "--condition clean --set snr_low=.inf --set snr_high=.inf" in clean
    assert jobs["data/test_noisy"] == (
        "ROOT/utils/combine_data.sh data/test_noisy data/test_noisy_loud data/test_noisy_clean"
    )
    # A recipe may take one away.
    method = make_plan(CONDITIONS + "  quiet: null\n")
    assert len(jobs_of("simulate_noise", method)) == len(jobs)


FIGURE = """
variants: {tuned: {partner: tuned_other}, tuned_other: {partner: null}}
figures:
  "2": {over: tune, prefix: tun, command: "look {self.folder} --out $out --nj $nj", caption: c}
  "3": {over: tune, with_partner: true, command: "look {self} {$partner.folder} $out"}
  speech: {over: rows, without: [clean], command: "hear $hears {voices} $set $out"}
"""


def test_a_figure_has_a_command_for_each_entry_of_its_stage(make_plan):
    plan = make_plan(FIGURE, figure="2", variants="tuned tuned_other", nj="4", seeds="0 1")
    jobs = jobs_of("figure", plan)
    assert [" ".join(job.command) for job in jobs] == [
        f"look exp/seed{seed}/{name} --out exp/figure_2/seed{seed}/{name[3:]} --nj 1"
        for seed in (0, 1)
        for name in ("tuned", "tuned_other")
    ]
    (alone,) = jobs_of("figure", make_plan(FIGURE, figure="2", nj="4"))
    assert alone.command[-1] == "4"  # what there is of cores is shared out
    assert jobs_of("figure", make_plan(FIGURE)) == []


def test_a_figure_of_pairs_is_of_those_whose_partner_is_a_row(make_plan):
    plan = make_plan(FIGURE, figure="3", variants="tuned tuned_other")
    (job,) = jobs_of("figure", plan)
    assert " ".join(job.command) == (
        "look exp/seed0/tuned/enhancer exp/seed0/tuned_other exp/figure_3/seed0/tuned"
    )
    assert jobs_of("figure", make_plan(FIGURE, figure="3")) == []


def test_a_figure_over_rows_has_a_command_for_the_speech_of_each(make_plan):
    options = {"figure": "speech", "variants": "tuned heard", "test_sets": "a b", "seeds": "0 1"}
    plan = make_plan(FIGURE, **options)
    heard = {
        "noisy": "exp/seed{}/noisy/decode_a/oa0/wav.scp",
        "tuned": "exp/seed{}/tuned/decode_a/oa0/wav.scp",
        "heard": "exp/seed{}/tuned/decode_a/oa0/wav.scp",
    }
    assert [" ".join(job.command) for job in jobs_of("figure", plan)] == [
        f"hear {heard[row].format(seed)} exp/seed{seed}/ds_voices/downstream a "
        f"exp/figure_speech/seed{seed}/{row}"
        for seed in (0, 1)
        for row in heard
    ]
    # What its command names is trained, too.
    assert "exp/seed0/ds_voices" in [job.folder for job in jobs_of("heads", plan)]
    assert "exp/seed0/ds_voices" not in [
        job.folder for job in jobs_of("heads", make_plan(FIGURE, variants="tuned heard"))
    ]


def test_speech_is_shown_in_the_report_of_the_set_that_it_is_of(make_plan, values_of):
    for figure, shown in (("speech", [True, False]), ("2", [True, True])):
        jobs = jobs_of("report", make_plan(FIGURE, figure=figure, test_sets="a b"))
        assert [values_of(job.command, "--analyses") for job in jobs] == [
            [f"exp/figure_{figure}"] if one else [] for one in shown
        ]


def test_a_report_of_all_that_was_scored_or_of_a_table(make_plan, values_of):
    (job,) = jobs_of("report", make_plan(test_sets="test"))
    assert (job.folder, job.keep) == ("exp/report", "always")
    assert values_of(job.command, "--title") == ["T"]
    assert not {"--variants", "--backends", "--seeds"} & {*job.command}
    plan = make_plan(
        table="1", variants="tuned clean", backends="words", seeds="0 1", test_sets="a b"
    )
    first, second = jobs_of("report", plan)
    assert [job.folder for job in (first, second)] == [
        report_folder(plan, name) for name in ("a", "b")
    ]
    assert second.folder == "exp/report/table_1/b"
    for option, value in {
        "--set": "b",
        "--data": "data/b_noisy",
        "--table": "1",
        "--title": "T: Table 1",
        "--variants": "clean,noisy,tuned",
        "--backends": "words",
        "--seeds": "0,1",
        "--text": "exp/report/table_1/b/table.txt",
    }.items():
        assert values_of(second.command, option) == [value]
    assert "--without-oa" in second.command
    assert "--without-oa" not in jobs_of("report", make_plan(oa_weights="0.1"))[0].command


def test_remarks_are_of_the_table_that_they_were_made_on(make_plan, values_of):
    Path("local").mkdir(exist_ok=True)
    for there, of_recipe, of_table in (
        ((), [], []),
        (("remarks.txt",), ["local/remarks.txt"], []),
        (("remarks_table_1.txt",), ["local/remarks.txt"], ["local/remarks_table_1.txt"]),
    ):
        for name in there:
            Path("local", name).touch()
        for options, remarks in (({}, of_recipe), ({"table": "1"}, of_table)):
            (job,) = jobs_of("report", make_plan(**options))
            assert values_of(job.command, "--remarks") == remarks


def test_the_enhancers_that_were_trained_here_are_packed(make_plan):
    plan = make_plan(seeds="0 1", variants="tuned heard", backends="words")
    assert [" ".join(job.command) for job in jobs_of("pack", plan)] == [
        f"sslse pack --exp exp/seed{seed}/{name} --out exp/seed{seed}/{name}/packed"
        for seed in (0, 1)
        for name in ("first", "tuned")
    ]
    assert jobs_of("pack", make_plan(se_exp="other/exp")) == []
