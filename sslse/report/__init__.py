"""From scores to something one reads: table, RESULTS.md, one self-contained HTML page."""
