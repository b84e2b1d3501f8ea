"""Acoustic tokens: encoder vectors on disk, their K-means clusters, the tokenizer."""
