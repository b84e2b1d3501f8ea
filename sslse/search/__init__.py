"""Beam search for CTC and the word language models that guide it."""
