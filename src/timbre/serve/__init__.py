"""A page to try people on, served to this machine alone."""
