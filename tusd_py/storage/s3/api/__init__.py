"""The S3 API as this server uses it: clients, signatures, requests, answers and errors."""
