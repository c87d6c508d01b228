"""Why a run went wrong, and how runs differ."""
