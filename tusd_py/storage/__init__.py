"""Where bytes live: one maker a folder or file, all behind `base.Storage`."""
