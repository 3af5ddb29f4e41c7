"""The adapters of `ports.storage.Storage`, which store uploads' bytes: one folder or file for each adapter."""
