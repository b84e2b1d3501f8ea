"""Sizes of tiny networks of every kind, by their names in the registries."""

from __future__ import annotations

WAV2VEC2 = {
    **{"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
    **{"intermediate_size": 32, "conv_dim": [8, 8], "conv_kernel": [20, 32]},
    **{"conv_stride": [10, 32], "num_feat_extract_layers": 2, "num_conv_pos_embeddings": 6},
    **{"num_conv_pos_embedding_groups": 2, "num_codevectors_per_group": 4, "codevector_dim": 8},
}
DEMUCS = {"hidden_channels": 4, "depth": 2, "resample_factor": 2}
TINY_UPSTREAM = {
    "config": {**WAV2VEC2, "model_type": "hubert"},
    "normalize_input": True,
    "sample_rate": 16000,
}
ENHANCER_SIZES = {
    "band_split": [{"bands": 8, "channels": 4, "units": 8, "blocks": 2}],
    "conv_tasnet": [
        {**{"num_filters": 8, "kernel_size": 8, "stride": 4, "blocks": 2, "repeats": 1}, **norm}
        for norm in ({}, {"norm": "cumulative", "causal": True, "normalize_input": False})
    ],
    "dccrn": [
        {"channels": [4, 8], "lstm_units": 8},
        {"channels": [4, 8], "lstm_units": 8, "causal": True, "normalize_input": False},
    ],
    "demucs": [DEMUCS, {**DEMUCS, "causal": False}],
    "espnet": [
        {"separator": "tcn", "separator_conf": {"layer": 2, "stack": 1, "bottleneck_dim": 4,
         "hidden_dim": 6}, "encoder_conf": {"channel": 8, "kernel_size": 8, "stride": 4}},
        {"separator": "dccrn", "separator_conf": {"rnn_units": 8, "kernel_num": [4, 8]}},
        {"separator": "tfgridnet", "separator_conf": {"n_layers": 1, "lstm_hidden_units": 4,
         "attn_n_head": 1, "attn_approx_qk_dim": 8, "emb_dim": 4}},
    ],
    "ssl_mask": [
        {"upstream": TINY_UPSTREAM, "mask": {"hidden_size": 8, "num_layers": 1, "domain": domain}}
        for domain in ("magnitude", "log1p")
    ],
    "ssl_decoder": [
        {"upstream": TINY_UPSTREAM, "decoder": {"channels": 8}},
        {"upstream": TINY_UPSTREAM, "decoder": {"channels": 8, "skip": True},
         "front": {"name": "demucs", **DEMUCS}},
    ],
}  # fmt: skip
