"""Wire formats: heads to intents, results to replies. Pure: the same head is always read the same way."""
