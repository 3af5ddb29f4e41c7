"""Where bytes live: an adapter a folder or file, all behind `ports.storage.Storage`."""
