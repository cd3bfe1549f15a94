"""One file per row of the table; each has `run(lab, size) -> Result` and nothing else in public."""
