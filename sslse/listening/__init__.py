"""Listening tests: stimuli and pages for listeners, and what their answers say."""
