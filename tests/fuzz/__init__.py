"""Files, records and arguments made to break a reader."""
