"""Replaces in records and text what tells who and where: names, paths, addresses, tokens.

Each thing becomes an alias that is the same wherever it was. What is replaced is decided by shape (any absolute path,
address or token) and by what this machine knows of itself (user, host, home, secret variables), so that a run made on
another machine is treated as strictly as one made here.
"""
