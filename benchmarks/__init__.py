"""Speed, size and memory, each as a ratio against a plain script or a peer in the same run."""
