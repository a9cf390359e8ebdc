"""Pages about runs, to mail and to watch; each is one file."""
