"""Sound in and out: files of all kinds, pipes, archives, live streams."""
