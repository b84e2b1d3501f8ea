"""Reported metrics, never trained on: signals, hypotheses, and how sure a difference is.

>>> import numpy as np
>>> from sslse.metrics import si_sdr
>>> clean = np.sin(0.3 * np.arange(8000))
>>> round(si_sdr(clean, clean + 0.1 * np.cos(0.3 * np.arange(8000)), 16000), 1)  # dB
20.0
"""

from sslse.lazy import lazy_names

_PUBLIC = {
    # Of signals: metric(clean, enhanced, sample_rate).
    **{name: "sslse.metrics.ratios" for name in ("sdr", "si_sdr", "snr")},
    **{name: "sslse.metrics.segments" for name in ("llr", "seg_snr", "wss")},
    **{name: "sslse.metrics.intelligibility" for name in ("estoi", "stoi")},
    "composite": "sslse.metrics.composite_quality",
    "dnsmos": "sslse.metrics.dnsmos_networks",
    **{name: "sslse.metrics.quality" for name in ("pesq", "pesq_nb")},
    "measure": "sslse.metrics.utterance",  # several of them, by name
    # Of what a recogniser or a head says.
    **{name: "sslse.metrics.wer" for name in ("character_errors", "word_errors")},
    **{name: "sslse.metrics.eer" for name in ("equal_error_rate", "min_detection_cost")},
    "diarization_errors": "sslse.metrics.der",
    "ppmc": "sslse.metrics.correlation",
    # Of both.
    "METRICS": "sslse.metrics.base",
    "paired_bootstrap": "sslse.metrics.bootstrap",
}
__all__ = [*_PUBLIC]
__getattr__, __dir__ = lazy_names(__name__, _PUBLIC)
