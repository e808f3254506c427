"""What a release passes, in the order of `sealift.app.pipeline`. No station imports another."""
