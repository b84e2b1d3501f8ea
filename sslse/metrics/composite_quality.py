"""The composite measures CSIG, CBAK and COVL: opinions predicted from PESQ, LLR, WSS and SNR."""

from __future__ import annotations

import numpy as np

from sslse.metrics.quality import pesq
from sslse.metrics.segments import llr, seg_snr, wss

LOWEST, HIGHEST = 1.0, 5.0  # of an opinion


def composite(clean: np.ndarray, enhanced: np.ndarray, sample_rate: int) -> dict[str, float]:
    """Predicted opinions of signal distortion, background intrusiveness and overall quality, 1…5.

    The regressions were fitted with narrow-band PESQ at 8 kHz; at 16 kHz all the literature puts
    the wide-band value in, and so does this function.

    Args:
        clean: reference (T,).
        enhanced: estimate (T,).
        sample_rate: 16000 or 8000 Hz.

    Returns:
        ``csig``, ``cbak`` and ``covl``.

    Raises:
        MetricFailure: where PESQ or a frame measure has no value.

    Reference:
        Hu and Loizou 2008, IEEE TASLP 16(1), 229–238.
    """
    quality = pesq(clean, enhanced, sample_rate)
    envelope, slope = llr(clean, enhanced, sample_rate), wss(clean, enhanced, sample_rate)
    return regress(quality, envelope, slope, seg_snr(clean, enhanced, sample_rate))


def regress(quality: float, envelope: float, slope: float, snr: float) -> dict[str, float]:
    """Return the three predicted opinions.

    Args:
        quality: PESQ, MOS.
        envelope: LLR, nat.
        slope: WSS.
        snr: segmental SNR, dB.

    Example:
        >>> {name: round(value, 4) for name, value in regress(2.0, 1.0, 50.0, 3.0).items()}
        {'csig': 2.82, 'cbak': 2.429, 'covl': 2.342}
    """
    opinions = {
        "csig": 3.093 - 1.029 * envelope + 0.603 * quality - 0.009 * slope,
        "cbak": 1.634 + 0.478 * quality - 0.007 * slope + 0.063 * snr,
        "covl": 1.594 + 0.805 * quality - 0.512 * envelope - 0.007 * slope,
    }
    return {name: min(HIGHEST, max(LOWEST, value)) for name, value in opinions.items()}
