"""wav2vec 2.0 with branches for noisy and enhanced speech: the model of EW2 and SEW2."""
