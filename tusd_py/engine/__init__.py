"""What happens to an upload. Knows the ports and the rules; knows neither HTTP nor S3 nor which protocol asked."""
