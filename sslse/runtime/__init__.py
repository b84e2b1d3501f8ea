"""How commands run: pools of processes, progress, journals, whole files, settings."""
