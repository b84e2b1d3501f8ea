"""What each column of a result table is, in a sentence or two; the one place that says it."""

from __future__ import annotations

from collections.abc import Mapping

from sslse.metrics.base import kind_of

# Column -> what it is. docs/metrics.md has ranges, files and failures beside it.
COLUMNS = {
    "sdr": "Signal-to-distortion ratio of BSS-Eval 3: what no filter of 512 taps makes of the "
    "clean speech counts as distortion.",
    "si_sdr": "Scale-invariant signal-to-distortion ratio: a change of level alone is forgiven.",
    "snr": "Signal-to-noise ratio: clean speech to the difference from it; nothing is forgiven.",
    "seg_snr": "Segmental SNR: the mean of the SNR over short segments, each limited.",
    "pesq": "Perceptual evaluation of speech quality, predicted mean opinion score: ITU-T P.862.2 "
    "(wide band, WB) at 16 kHz, P.862.1 (narrow band, NB) at 8 kHz.",
    "pesq_nb": "The same by ITU-T P.862.1 (narrow band, NB), a scale of its own: NB and WB must "
    "not be compared.",
    "stoi": "Short-time objective intelligibility, predicted from the clean speech, 0 to 1.",
    "estoi": "Extended STOI, which also follows noise that changes quickly.",
    "csig": "Predicted rating of signal distortion, 1 to 5 (Hu & Loizou 2008).",
    "cbak": "Predicted rating of background noise, 1 to 5 (Hu & Loizou 2008).",
    "covl": "Predicted rating of overall quality, 1 to 5 (Hu & Loizou 2008).",
    "llr": "Log-likelihood ratio between linear predictions of clean and enhanced speech.",
    "wss": "Weighted spectral slope distance between clean and enhanced speech.",
    "dnsmos_sig": "DNSMOS without a reference, 1 to 5: how good the speech itself sounds.",
    "dnsmos_bak": "DNSMOS without a reference, 1 to 5: how little the background disturbs.",
    "dnsmos_ovrl": "DNSMOS without a reference, 1 to 5: overall quality.",
    "dnsmos_p808": "DNSMOS of ITU-T P.808 ratings, without a reference, 1 to 5.",
    "mos_sig": "Rating by listeners, 1 to 5 (ITU-T P.835): the speech signal.",
    "mos_bak": "Rating by listeners, 1 to 5 (ITU-T P.835): the background noise.",
    "mos_ovrl": "Rating by listeners, 1 to 5 (ITU-T P.835): overall quality.",
    "mushra": "Rating by listeners beside a reference and an anchor, 0 to 100 (ITU-R BS.1534).",
    "ppmc": "Pearson product-moment correlation between measured and predicted trajectories, mean "
    "over the variables.",
}
# Kind of a column <kind>_<back-end> -> what it is.
KINDS = {
    "wer": "Word error rate: substitutions, insertions and deletions by the words of the "
    "reference.",
    "cer": "Character error rate.",
    "eer": "Equal error rate of speaker verification: the threshold accepts as many false trials "
    "as it rejects true ones.",
    "der": "Diarization error rate: seconds missed, falsely found or given to another speaker, by "
    "seconds of speech.",
    "fer": "Frame error rate of speech activity.",
    "acc": "Accuracy: utterances of which all classes are right.",
    "ppmc": "PPMC of one variable.",
}
OBSERVATION_ADDING = (
    "OA ω",
    "Observation adding: ω × the noisy input is added to the enhanced signal before anything is "
    "measured; it trades noise for fewer artefacts.",
)


def describe(column: str, backends: Mapping[str, str] | None = None) -> str:
    """Return what a column is.

    Args:
        column: its name in the scores.
        backends: name of a back-end to what it is.

    Example:
        >>> describe("cer_ssl", {"ssl": "head on the SSL model"})
        'Character error rate. Back-end ssl: head on the SSL model.'
        >>> describe("nothing known")
        ''
    """
    if column in COLUMNS:
        return COLUMNS[column]
    kind = kind_of(column) or ("ppmc" if column.startswith("ppmc_") else "")
    name = column[len(kind) + 1 :]
    label = (backends or {}).get(name, "") if kind != "ppmc" else ""
    told = f" Back-end {name}: {label}." if label else ""
    return KINDS.get(kind, "") + told
