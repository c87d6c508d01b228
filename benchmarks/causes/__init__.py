"""How often `repro diagnose` names the right cause: programs whose truth is known, and what it says of them."""
