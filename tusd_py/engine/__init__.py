"""The use cases of uploads. Knows the ports and the rules; knows neither HTTP, S3 nor the protocols."""
