"""iamops: a terminal operations console for a highly available IAM deployment."""

__version__ = "0.6.0"
