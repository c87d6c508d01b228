"""Evidence: runs as one zip that is readable without this program, checked and verified elsewhere."""
