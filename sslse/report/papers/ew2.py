"""Zhu et al. 2023: joint pre-training of enhancement and wav2vec 2.0."""

from __future__ import annotations

from dataclasses import replace

from sslse.report.paper import Change, Conditions, Paper
from sslse.report.results import Key


def key(name: str) -> Key:
    """Return the row of a system, which has no observation added."""
    return (name, False)


W2V2, EW2, SEW2 = key("w2v2"), key("ew2"), key("sew2")
BOTH, CONCAT = key("ew2_sew2"), key("ew2_sew2_concat")
NO_PRETRAINING = key("w2v2_scratch")

# Every condition is named TYPE_SNR, or clean.
CONDITIONS = (
    Conditions(
        "SNR and noise type",
        "wer_*",
        (
            ("0–20 dB", "*_*"),
            ("type A", "a_*"),
            ("type B", "b_*"),
            *((f"{snr} dB", f"*_{snr}") for snr in (0, 5, 10, 15, 20)),
            ("clean", "clean"),
        ),
    ),
    # Where conditions name their noise: TYPE_NOISE_SNR, as those of LibriSpeech.
    Conditions(
        "noise",
        "wer_*",
        tuple(
            (head, f"?_{noise}_*")
            for head, noise in (
                *(("babble", "babble"), ("airport/station", "airport")),
                *(("AC/vacuum", "vacuum"), ("cafe", "cafe")),
                *(("traffic", "traffic"), ("metro", "metro"), ("car", "car")),
            )
        ),
    ),
)
PAPER = Paper(
    citation="Zhu et al. 2023, IEEE/ACM TASLP 31, Table I (rows pre-trained on FreeSound noise)",
    setting=(
        "LibriSpeech 100 h, 45 M parameters, noise at 0 to 25 dB in training; test: 120 "
        "utterances, seven noises, five SNRs; characters, no language model"
    ),
    columns=("WER 0–20 dB %", "WER clean %"),
    rows={
        key("w2v2_scratch_tuned_clean"): (56.81, 11.0),
        NO_PRETRAINING: (44.56, 25.0),
        key("w2v2_clean"): (33.15, 14.0),
        key("w2v2_othernoise"): (30.21, 16.1),
        W2V2: (27.92, 13.5),
        key("ew2_othernoise"): (25.94, 14.3),
        EW2: (23.85, 12.3),
        SEW2: (28.91, 15.4),
        CONCAT: (23.47, 12.2),
        BOTH: (22.65, 12.2),
        key("sew2_scratch"): (36.73, 19.1),
        key("ew2_sew2_concat_scratch"): (35.01, 18.5),
        key("ew2_sew2_scratch"): (31.05, 15.6),
    },
    changes=(
        Change(EW2, W2V2, "wer_*", "WER, noisy", 100 * (23.85 / 27.92 - 1)),
        Change(BOTH, W2V2, "wer_*", "WER, noisy", 100 * (22.65 / 27.92 - 1)),
        Change(BOTH, EW2, "wer_*", "WER, noisy", 100 * (22.65 / 23.85 - 1)),
    ),
    labels={
        "w2v2_scratch_tuned_clean": "wav2vec 2.0, no pre-training, clean fine-tuning",
        "w2v2_scratch": "wav2vec 2.0, no pre-training",
        "w2v2_clean": "wav2vec 2.0, clean pre-training",
        "w2v2_othernoise": "wav2vec 2.0, pre-training in other noise",
        "w2v2": "wav2vec 2.0, noisy pre-training",
        "w2v2_tuned_clean": "wav2vec 2.0, clean fine-tuning",
        "w2v2_init": "wav2vec 2.0, from a given model",
        "ew2_othernoise": "EW2, pre-training in other noise",
        "ew2": "EW2",
        "sew2_scratch": "SEW2, no pre-training",
        "sew2": "SEW2",
        "ew2_sew2_concat_scratch": "EW2+SEW2 (concat), no pre-training",
        "ew2_sew2_concat": "EW2+SEW2 (concat)",
        "ew2_sew2_scratch": "EW2+SEW2, no pre-training",
        "ew2_sew2": "EW2+SEW2",
        "ew2_noconsistency": "EW2, no consistency loss",
        "ew2_novq": "EW2, clean target without VQ",
        "w2v2_novq": "noisy target without VQ",
        "ew2_tuned_clean": "EW2, clean fine-tuning",
        "ew2_init": "EW2, from a given model",
        "sew2_frozen_encoder": "SEW2, feature encoder frozen in fine-tuning",
        "sew2_frozen_se": "SEW2, SE frozen in fine-tuning",
        "sew2_init_frozen_encoder": "SEW2, from a given model, feature encoder frozen",
        "sew2_init_frozen_se": "SEW2, from a given model, SE frozen",
        "sew2_init": "SEW2, from a given model",
        "ew2_sew2_init": "EW2+SEW2, from a given model",
    },
    better=(
        (W2V2, NO_PRETRAINING),
        (EW2, W2V2),
        (EW2, SEW2),
        (BOTH, EW2),
        (BOTH, W2V2),
        (BOTH, CONCAT),
    ),
    conditions=CONDITIONS,
    overall="*_*",
)
# Tables II to IV are means over type B: 27.82 of Table II is the mean of the four type B columns
# of EW2 in Table I (and 33.06 that of wav2vec 2.0), and Table IV has these four columns.
TYPE_B = replace(PAPER, columns=("WER type B %",), changes=(), overall="b_*")
FIGURE = replace(PAPER, columns=(), rows={}, changes=(), better=())
TABLES = {
    "1": PAPER,
    "2": replace(
        TYPE_B,
        citation="Zhu et al. 2023, Table II: target and quantiser of the pre-training",
        rows={EW2: (27.82,), key("ew2_novq"): (28.70,), W2V2: (33.06,), key("w2v2_novq"): (34.46,)},
        better=((EW2, key("ew2_novq")), (W2V2, key("w2v2_novq")), (EW2, W2V2)),
    ),
    "3": replace(
        TYPE_B,
        citation="Zhu et al. 2023, Table III: consistency loss",
        rows={EW2: (27.82,), key("ew2_noconsistency"): (29.23,)},
        better=((EW2, key("ew2_noconsistency")),),
    ),
    "4": replace(
        TYPE_B,
        citation="Zhu et al. 2023, Table IV: first weights, and what is updated in fine-tuning",
        setting=(
            "pre-training on LibriSpeech 460 h, with and without the public wav2vec 2.0 Base as "
            "the first weights; fine-tuning on 100 h"
        ),
        rows={
            key("ew2_init"): (16.23,),
            SEW2: (29.36,),
            key("sew2_init_frozen_encoder"): (15.44,),
            key("sew2_init"): (15.17,),
            key("ew2_sew2_init"): (14.55,),
            BOTH: (14.98,),
        },
        better=(
            (key("ew2_sew2_init"), key("ew2_init")),
            (key("ew2_sew2_init"), key("sew2_init")),
            (key("sew2_init"), SEW2),
            (key("sew2_init"), key("sew2_init_frozen_encoder")),
            (BOTH, SEW2),
        ),
    ),
    "5": replace(
        PAPER,
        citation="Zhu et al. 2023, Table V: CHiME-4, one channel, et05 real",
        setting="continued from the public wav2vec 2.0 Base, Transformer word LM of WSJ",
        columns=("dt05 no LM %", "dt05 LM %", "et05 no LM %", "et05 LM %"),
        rows={
            key("w2v2_init"): (10.5, 3.8, 17.3, 7.5),
            key("ew2_init"): (9.4, 3.5, 15.6, 6.4),
            key("ew2_sew2_init"): (8.2, 3.0, 14.3, 5.9),
        },
        changes=(),
        better=(
            (key("ew2_sew2_init"), key("ew2_init")),
            (key("ew2_init"), key("w2v2_init")),
        ),
        conditions=(
            Conditions(
                "place",
                "wer_*",
                (("bus", "bus"), ("cafe", "caf"), ("pedestrian", "ped"), ("street", "str")),
            ),
        ),
        overall="*",
    ),
    "figure_4": replace(
        FIGURE,
        citation="Zhu et al. 2023, Figure 4: it falls from the feature encoder to the last layers",
    ),
    "figure_5": replace(
        FIGURE,
        citation="Zhu et al. 2023, Figure 5: with the SE module the loss falls faster",
    ),
    "figure_6": replace(
        FIGURE,
        citation="Zhu et al. 2023, Figure 6: the minimum of a pre-trained model is wider",
    ),
    "figure_7": replace(
        FIGURE,
        citation="Zhu et al. 2023, Figure 7: the minimum of a pre-trained model is wider",
    ),
}
