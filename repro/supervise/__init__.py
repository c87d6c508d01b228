"""Starting worker processes and owning runs until they end."""
