"""ESPnet's recognisers: trained, decoded with, frozen in a loss, or learning behind an enhancer."""
