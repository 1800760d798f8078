"""Uploads a file with tuspy, as an application would, and prints its URL.

usage: python3 upload.py '{"endpoint", "key", "path", "name", "chunk", "checksum", "url", "stop"}'

url is where an earlier run has left off, and stop where this one is to.
"""
import json
import sys

from tusclient.client import TusClient

job = json.loads(sys.argv[1])
client = TusClient(job["endpoint"], headers={"X-Api-Key": job["key"]})
uploader = client.uploader(
    job["path"],
    metadata={"filename": job["name"]},
    chunk_size=job["chunk"],
    upload_checksum=job.get("checksum", False),
    url=job.get("url"),
    retries=300,
    retry_delay=0.1,
)
uploader.upload(stop_at=job.get("stop"))
print(uploader.url)
