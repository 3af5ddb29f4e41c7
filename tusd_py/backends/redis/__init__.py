"""State and locks of many nodes, in Redis or Valkey."""
