"""Lee and Kim 2024: cluster-based pairwise contrastive loss for joint training."""

from __future__ import annotations

from dataclasses import replace

from sslse.report.paper import Change, Conditions, Paper
from sslse.report.results import Key


def key(name: str) -> Key:
    """Return the row of a system, which has no observation added."""
    return (name, False)


MCT_NOISY, STANDALONE, MCT_ALL = key("noisy"), key("se_pretrain"), key("mct_all")
STRAIGHT, ASO, GRAD = key("ft_straight"), key("ft_aso"), key("ft_grad")
TOKEN, PROPOSED = key("ft_token"), key("ft_cbpc")
ENCODER, TOKEN_CBPC = key("ft_encoder"), key("ft_token_cbpc")
PARTS = ("dev_clean", "dev_other", "test_clean", "test_other")
ABLATION = ((TOKEN, ENCODER), (TOKEN_CBPC, TOKEN), (PROPOSED, TOKEN_CBPC))
LEVELS = (("−5 dB", "*-5"), ("0 dB", "*_0"), ("5 dB", "*_5"))
SETS = tuple((name.replace("_", "-"), name) for name in PARTS)
QUALITY = ("pesq", "stoi", "csig", "cbak", "covl")
QUALITY_BY_SET = tuple(Conditions("set", column, SETS) for column in QUALITY)

PAPER = Paper(
    citation="Lee and Kim 2024, Sensors 24(8):2573, Tables 1 and 2",
    setting=(
        "LibriSpeech 960 h with DNS noise at -5 to 5 dB, conformer (S) transducer, 1500 clusters; "
        "WER averaged over noisy dev/test clean/other"
    ),
    columns=("WER %", "PESQ", "STOI", "CSIG", "CBAK", "COVL"),
    rows={
        MCT_NOISY: (23.08, 1.7256, 0.6967, 1.8457, 1.1615, 1.3937),
        STANDALONE: (29.12, 2.6512, 0.8277, 2.9671, 2.5482, 2.3410),
        MCT_ALL: (22.71, None, None, None, None, None),
        STRAIGHT: (22.49, 2.4872, 0.7504, 2.8081, 2.1950, 2.1725),
        ASO: (22.42, 2.5871, 0.7888, 2.8213, 2.3119, 2.2647),
        GRAD: (20.72, 2.5531, 0.7719, 2.8001, 2.2964, 2.2581),
        TOKEN: (20.30, 2.6653, 0.8311, 3.1204, 2.5684, 2.4509),
        PROPOSED: (19.53, 2.6802, 0.8311, 3.1275, 2.5653, 2.4507),
    },
    changes=(
        Change(PROPOSED, STRAIGHT, "wer_*", "WER", 100 * (19.53 / 22.49 - 1)),
        Change(PROPOSED, GRAD, "wer_*", "WER", 100 * (19.53 / 20.72 - 1)),
        Change(PROPOSED, TOKEN, "wer_*", "WER", 100 * (19.53 / 20.30 - 1)),
    ),
    labels={
        "clean": "clean",
        "noisy": "MCT-noisy",
        "se_pretrain": "MCT-noisy + standalone SE",
        "mct_all": "MCT-all",
        "ft_straight": "Joint-Straight",
        "ft_aso": "Joint-ASO",
        "ft_grad": "Joint-Grad",
        "ft_encoder": "NSNR + encoder loss",
        "ft_token": "Joint-Token",
        "ft_token_cbpc": "Joint-Token + CBPC",
        "ft_cbpc": "proposed (CBPC)",
    },
    better=(
        (PROPOSED, MCT_NOISY),
        (PROPOSED, STRAIGHT),
        (PROPOSED, GRAD),
        (PROPOSED, TOKEN),
        (TOKEN, STRAIGHT),
        (GRAD, STRAIGHT),
    ),
    compared=(
        (PROPOSED, STANDALONE, "pesq"),
        (PROPOSED, STANDALONE, "stoi"),
        (PROPOSED, STRAIGHT, "covl"),
    ),
    conditions=(Conditions("SNR", "wer_*", LEVELS), Conditions("set", "wer_*", SETS)),
)
TABLES = {
    "1": replace(PAPER, columns=PAPER.columns[:1], rows={k: v[:1] for k, v in PAPER.rows.items()}),
    "2": replace(
        PAPER,
        columns=PAPER.columns[1:],
        rows={k: v[1:] for k, v in PAPER.rows.items() if v[1] is not None},
        better=(),
        changes=(),
        conditions=QUALITY_BY_SET,
        show=QUALITY,
    ),
    "3": replace(
        PAPER,
        citation="Lee and Kim 2024, Table 3: losses added one by one",
        columns=("WER %",),
        rows={
            GRAD: (20.72,),
            ENCODER: (22.81,),
            TOKEN: (20.30,),
            TOKEN_CBPC: (19.81,),
            PROPOSED: (19.53,),
        },
        changes=(),
        better=ABLATION,
        compared=(),
        show=("wer_*",),
    ),
    "4": replace(
        PAPER,
        citation="Lee and Kim 2024, Table 4: losses added one by one, test-clean",
        columns=PAPER.columns[1:],
        rows={
            MCT_NOISY: (1.7256, 0.6967, 1.8547, 1.1615, 1.3937),
            STANDALONE: (2.6512, 0.8277, 2.9671, 2.5482, 2.3410),
            ENCODER: (2.6500, 0.8221, 2.9595, 2.5410, 2.3387),
            TOKEN: (2.6653, 0.8311, 3.1204, 2.5684, 2.4509),
            TOKEN_CBPC: (2.6638, 0.8302, 3.1192, 2.5651, 2.4472),
            PROPOSED: (2.6802, 0.8311, 3.1275, 2.5653, 2.4507),
        },
        changes=(),
        better=(),
        compared=tuple((*pair, "pesq") for pair in ABLATION),
        conditions=QUALITY_BY_SET,
        show=QUALITY,
    ),
}
