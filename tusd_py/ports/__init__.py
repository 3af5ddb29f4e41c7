"""What the engine asks of the world, as protocols; their adapters are elsewhere."""
