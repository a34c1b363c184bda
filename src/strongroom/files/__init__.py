"""The file server: names, blobs, uploads, downloads, trash. A user of the audit system."""
