"""Kaldi-style data directories, audio input and output, datasets and samplers."""
