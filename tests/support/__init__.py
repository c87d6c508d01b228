"""What several tests use: no test is in here."""
