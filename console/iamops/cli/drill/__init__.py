"""`iamops drill`."""
