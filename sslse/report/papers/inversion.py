"""Tabatabaee and Espy-Wilson 2026: noise-robust speech inversion by multi-task learning."""

from __future__ import annotations

from sslse.report.paper import Change, Conditions, Paper
from sslse.report.results import Key


def key(name: str) -> Key:
    """Return the row of a system, which has no observation added."""
    return (name, False)


CLEAN_SI, NOISY_SI = key("si_clean"), key("si_noisy")
CASCADE, CASCADE_TUNED = key("cascade"), key("ft_cascade")
JOINT, JOINT_FROM_CLEAN = key("joint"), key("ft_joint")
SV_CLEAN, SV_NOISY, JOINT_SV = key("sv_clean"), key("sv_noisy"), key("joint_sv")
LEVELS = ("-5", "0", "5", "10", "20")
BABBLE = tuple((f"{snr} dB", f"babble_{snr}") for snr in LEVELS)
NOISE = (*((f"{snr} dB", f"noise_{snr}") for snr in LEVELS), ("clean", "clean"))

PAPER = Paper(
    citation="Tabatabaee and Espy-Wilson 2026, arXiv 2601.14516 (abstract)",
    setting=(
        "relative gain of the average PPMC at -5 dB over its own baseline: 80.95 % in babble, "
        "38.98 % in other noise; real articulatory data and a large SSL model"
    ),
    columns=(),
    rows={},
    changes=(
        Change(JOINT, CLEAN_SI, "ppmc", "PPMC, babble at −5 dB", 80.95, "babble_-5"),
        Change(JOINT, CLEAN_SI, "ppmc", "PPMC, other noise at −5 dB", 38.98, "noise_-5"),
    ),
    labels={
        "si_clean": "SI trained on clean speech",
        "si_noisy": "noise-aware SI",
        "ft_si_noisy": "noise-aware SI, from clean SI",
        "cascade": "SE, then clean SI (cascade)",
        "ft_cascade": "cascade, fine-tuned",
        "joint": "joint SE + SI",
        "ft_joint": "joint SE + SI, from clean SI",
        "sv_clean": "SV trained on clean speech",
        "sv_noisy": "noise-aware SV",
        "joint_sv": "joint SE + SV",
    },
    tasks=("ppmc", "eer_*"),
    better=(
        (NOISY_SI, CLEAN_SI),
        (JOINT, CLEAN_SI),
        (JOINT, CASCADE),
        (JOINT, NOISY_SI),
        (JOINT_FROM_CLEAN, key("ft_si_noisy")),
        (JOINT_FROM_CLEAN, CASCADE_TUNED),
        (SV_NOISY, SV_CLEAN),
        (JOINT_SV, SV_NOISY),
    ),
    conditions=tuple(
        Conditions(title, column, groups)
        for column in ("ppmc", "eer_*")
        for title, groups in (("babble", BABBLE), ("other noise", NOISE))
    ),
    overall="*_*",
    show=("ppmc*", "eer_*", "sdr", "stoi", "pesq"),
)
TABLES = {"1": PAPER}
