"""Resumable uploads: the server half of tus 1.0.

Source of the protocol: https://tus.io/protocols/resumable-upload, version 1.0.0, with the extensions
creation, creation-with-upload, creation-defer-length, expiration, checksum and termination.
"""
