"""Sato et al. 2025: enhancement with a loss on SSL representations."""

from __future__ import annotations

from dataclasses import replace

from sslse.report.paper import Change, Paper
from sslse.report.results import Key

CLEAN: Key = ("clean", False)
NOISY: Key = ("noisy", False)
SNR: Key = ("ft_snr", False)
SNR_OA: Key = ("ft_snr", True)
LMFB: Key = ("ft_lmfb", False)
SSL_MSE: Key = ("ft_ssl_mse", False)
SSL_MSE_OA: Key = ("ft_ssl_mse", True)
WAVLM_LARGE: Key = ("ft_ssl_mse_wavlm_large", False)
WAVLM_BASE_PLUS: Key = ("ft_ssl_mse_wavlm_base_plus", False)

# Words, and whatever other back-ends were run.
TASKS = ("wer_*", "eer_*", "der_*", "fer_*", "acc_*")

PAPER = Paper(
    citation="Sato et al. 2025, Front. Signal Process. 5:1587969, Table 1 and section 5.2",
    setting=(
        "LibriSpeech with DNS noise at 0 to 10 dB, Conv-TasNet of full size, SSL-MSE with "
        "WavLM Large, fixed addition ratio; only the numbers that its text gives"
    ),
    columns=("WER SSL head %", "WER Whisper %", "OVRL"),
    rows={
        CLEAN: (None, 3.9, None),
        NOISY: (None, 9.3, None),
        SNR_OA: (12.2, 10.3, 2.93),
        SSL_MSE: (11.3, 9.6, 3.42),
    },
    # Of WavLM Large in the loss, where that is a system of its own.
    changes=tuple(
        Change(system, SNR, column, text, percent)
        for system in (SSL_MSE, WAVLM_LARGE)
        for column, text, percent in (
            ("wer_*", "WER, SSL head", -22),
            ("wer_*", "WER, Whisper medium", -21),
            ("eer_*", "EER, speaker verification", -14),
            ("acc_*", "accuracy, intent classification", +3.8),
        )
    ),
    tasks=TASKS,
    labels={
        "clean": "clean",
        "noisy": "noisy (no SE)",
        "se_pretrain": "SNR, pre-training only",
        "ft_snr": "SNR, as many steps",
        "ft_lmfb": "SNR + LMFB",
        "ft_asr": "SNR + ASR loss",
        "ft_ssl_mse": "SNR + SSL-MSE",
        "ft_ssl_mse_other": "SNR + SSL-MSE (SSL model of another seed)",
        "ft_ssl_mse_clean": "SNR + SSL-MSE (SSL model trained without noise)",
        "ft_ssl_mse_wavlm_base_plus": "SNR + SSL-MSE (WavLM Base+)",
        "ft_ssl_mse_wavlm_large": "SNR + SSL-MSE (WavLM Large)",
        "ft_ssl_mse_wav2vec2_base": "SNR + SSL-MSE (wav2vec 2.0 Base)",
        "ft_ssl_mse_hubert_base": "SNR + SSL-MSE (HuBERT Base)",
    },
    better=(
        (SSL_MSE, LMFB),
        (LMFB, SNR),
        (SSL_MSE, SNR),
        (SSL_MSE, NOISY),
        (SSL_MSE_OA, NOISY),
        (SSL_MSE_OA, SNR_OA),
        (WAVLM_LARGE, SNR),
        (WAVLM_BASE_PLUS, SNR),
        (WAVLM_LARGE, WAVLM_BASE_PLUS),
    ),
    # What the gain in words may cost.
    compared=(
        (SSL_MSE, SNR, "sdr"),
        (SSL_MSE, SNR, "pesq"),
        (SSL_MSE, SNR, "dnsmos_sig"),
        (SSL_MSE, SNR, "dnsmos_bak"),
        (SSL_MSE, SNR, "dnsmos_ovrl"),
        (SSL_MSE, NOISY, "stoi"),
    ),
)

OTHER_SSL: Key = ("ft_ssl_mse_other", False)
CLEAN_SSL: Key = ("ft_ssl_mse_clean", False)

TABLES = {
    "1": PAPER,
    # SSL model of the loss (rows) x that of the recogniser (columns); the text has directions only.
    "2": replace(
        PAPER,
        citation="Sato et al. 2025, Table 2 and section 5.2.3",
        setting="four public SSL models, of which two were pre-trained with noise",
        columns=(),
        rows={},
        changes=(),
        better=(
            (SSL_MSE, SNR),
            (OTHER_SSL, SNR),
            (CLEAN_SSL, SNR),
            (SSL_MSE, CLEAN_SSL),
            (WAVLM_LARGE, SNR),
            (WAVLM_BASE_PLUS, SNR),
            (("ft_ssl_mse_wav2vec2_base", False), SNR),
            (("ft_ssl_mse_hubert_base", False), SNR),
        ),
        compared=(),
        show=("wer_ssl*", "eer_*", "acc_*"),
    ),
    # Heads trained with noise: noisy (h1), SE (h2), SE with SSL-MSE (h3).
    "3": replace(
        PAPER,
        citation="Sato et al. 2025, Table 3 and section 5.2.4",
        setting="heads trained with DNS noise at -3 to 20 dB on WavLM Base+",
        columns=(),
        rows={},
        changes=(),
        better=(
            *((SNR, NOISY), (SSL_MSE, SNR), (SSL_MSE, NOISY)),
            *((WAVLM_BASE_PLUS, SNR), (WAVLM_BASE_PLUS, NOISY)),
        ),
        compared=(),
        show=("*@noise", "wer_ssl", "eer_asv", "acc_ic"),
    ),
    "figure_3": replace(
        PAPER,
        citation="Sato et al. 2025, Figure 3 and section 5.2.2",
        setting="the weight of the SNR loss against three others; WavLM Base+, Whisper medium",
        columns=(),
        rows={},
        changes=(),
        better=(),
        compared=(),
        show=("sdr", "dnsmos_ovrl", "wer_ssl", "wer_logmel", "wer_whisper*"),
    ),
}
