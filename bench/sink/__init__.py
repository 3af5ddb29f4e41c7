"""An S3 that throws bytes away as cheaply as the kernel can, and counts what it was asked."""
