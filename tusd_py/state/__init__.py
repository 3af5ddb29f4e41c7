"""What is remembered of uploads: one maker a file, all behind `base.StateStore`."""
