"""The protocols that the engine needs from the outside; their adapters are in other packages."""
