"""The process that trains: Python 3.6 and newer, standard library, numpy and Keras; imports nothing of `repro`."""
