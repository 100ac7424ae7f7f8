"""A model in use: enrolled people, who of them a recording is of, and thresholds for recordings of one's own."""
