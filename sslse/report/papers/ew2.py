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
)
PAPER = Paper(
    citation="Zhu et al. 2023, IEEE/ACM TASLP 31, Table I (rows pre-trained on FreeSound noise)",
    setting=(
        "LibriSpeech 100 h, 45 M parameters, noise at 0 to 25 dB in training; test: 120 "
        "utterances, seven noises, five SNRs; characters, no language model"
    ),
    columns=("WER 0–20 dB %", "WER clean %"),
    rows={
        NO_PRETRAINING: (44.56, 25.0),
        key("w2v2_clean"): (33.15, 14.0),
        W2V2: (27.92, 13.5),
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
        "w2v2_scratch": "wav2vec 2.0, no pre-training",
        "w2v2_clean": "wav2vec 2.0, clean pre-training",
        "w2v2": "wav2vec 2.0, noisy pre-training",
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
        "sew2_frozen_encoder": "SEW2, feature encoder frozen in fine-tuning",
        "sew2_frozen_se": "SEW2, SE frozen in fine-tuning",
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
TABLES = {
    "1": PAPER,
    "2": replace(
        PAPER,
        citation="Zhu et al. 2023, Table II: target and quantiser of the pre-training",
        columns=("WER 0–20 dB %",),
        rows={EW2: (27.82,), key("ew2_novq"): (28.70,), W2V2: (33.06,), key("w2v2_novq"): (34.46,)},
        changes=(),
        better=((EW2, key("ew2_novq")), (W2V2, key("w2v2_novq")), (EW2, W2V2)),
    ),
    "3": replace(
        PAPER,
        citation="Zhu et al. 2023, Table III: consistency loss",
        columns=("WER 0–20 dB %",),
        rows={EW2: (27.82,), key("ew2_noconsistency"): (29.23,)},
        changes=(),
        better=((EW2, key("ew2_noconsistency")),),
    ),
    "4": replace(
        PAPER,
        citation="Zhu et al. 2023, Table IV: what is updated in fine-tuning, 460 h",
        setting="LibriSpeech 460 h, continued from the public wav2vec 2.0 Base",
        columns=("WER 0–20 dB %",),
        rows={
            EW2: (16.23,),
            key("sew2_frozen_encoder"): (15.44,),
            SEW2: (15.17,),
            BOTH: (14.55,),
        },
        changes=(),
        better=((BOTH, EW2), (BOTH, SEW2), (SEW2, key("sew2_frozen_encoder"))),
    ),
    "5": replace(
        PAPER,
        citation="Zhu et al. 2023, Table V: CHiME-4, one channel, et05 real",
        setting="continued from the public wav2vec 2.0 Base, Transformer word LM of WSJ",
        columns=("WER no LM %", "WER LM %"),
        rows={EW2: (15.6, 6.4), BOTH: (14.3, 5.9)},
        changes=(),
        better=((BOTH, EW2),),
        conditions=(),
        overall="*",
    ),
}
