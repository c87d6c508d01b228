"""Input that was changed: `mutate` changes it, `fuzz_targets` reads it, `clean_output` says what may come."""
