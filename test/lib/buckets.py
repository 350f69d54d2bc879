# SPDX-License-Identifier: MIT
"""S3 whose buckets are folders and whose objects are the files below them: puts, copies,
reads, lists and removals, with their conditions. Who has sent a request is for others to
check (awsserver.py)."""

import email.utils
import hashlib
import os
import re
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

from lib.awsserver import Refusal

MAX_KEYS = 1000
COPIED = 'x-amz-copy-source'
META = 'x-amz-meta-'


class Buckets:
    """`folder` holds the buckets. `created` is called with (bucket, key, bytes, ETag) of
    each new object, when it is there."""

    def __init__(self, folder, created=lambda *_: None):
        self.folder, self.created = folder, created
        self.described = {}  # (bucket, key): headers of an object; they end with the process
        self.lock = threading.Lock()

    def bucket(self, name):
        if not name or '/' in name or not (self.folder / name).is_dir():
            raise Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist')
        return self.folder / name

    def file(self, bucket, key):
        path = self.bucket(bucket) / key
        if not key or os.path.normpath(path) != str(path):
            raise Refusal(400, 'InvalidArgument', f'no file has the key {key!r}')
        return path

    def read(self, bucket, key):
        path = self.file(bucket, key)
        if not path.is_file():
            raise Refusal(404, 'NoSuchKey', 'The specified key does not exist.')
        return path.read_bytes()

    def answer(self, method, target, headers, body):
        """Returns (status, body, type, headers) of the answer to a request."""
        path, _, query = target.partition('?')
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(path)[1:].partition('/')
        new = None
        with self.lock:
            if method == 'GET' and not key and query.get('list-type') == '2':
                return 200, self.listing(bucket, query), 'application/xml', {}
            if query:
                raise Refusal(501, 'NotImplemented', f'{method} with {sorted(query)}')
            if method == 'PUT':
                body, new, answer = self.put(bucket, key, headers, body)
            else:
                answer = self.look(method, bucket, key, headers)
        if new:
            self.created(bucket, key, len(body), new)
        return answer

    def look(self, method, bucket, key, headers):
        found = self.read(bucket, key)
        self.check(headers, 'if-match', found)
        if method == 'DELETE':
            self.file(bucket, key).unlink()
            self.described.pop((bucket, key), None)
            return 204, b'', None, {}
        modified = email.utils.formatdate(self.file(bucket, key).stat().st_mtime, usegmt=True)
        said = {**self.described.get((bucket, key), {}), 'ETag': etag(found),
                'Last-Modified': modified}
        some = re.fullmatch(r'bytes=(\d+)-(\d+)', headers.get('range') or '')
        if not some:
            return 200, found, None, said
        start, end = int(some[1]), min(int(some[2]), len(found) - 1)
        if start > end:
            raise Refusal(416, 'InvalidRange', 'The requested range is not satisfiable')
        said['Content-Range'] = f'bytes {start}-{end}/{len(found)}'
        return 206, found[start:end + 1], None, said

    def put(self, bucket, key, headers, body):
        """Returns (its bytes, its ETag, the answer)."""
        path, described, text = self.file(bucket, key), headers, b''
        if headers.get('if-none-match') == '*' and path.is_file():
            raise Refusal(412, 'PreconditionFailed', 'If-None-Match')
        if headers.get(COPIED):
            source = urllib.parse.unquote(headers[COPIED]).lstrip('/').split('/', 1)
            body = self.read(*source)
            self.check(headers, COPIED + '-if-match', body)
            if headers.get('x-amz-metadata-directive') != 'REPLACE':
                described = self.described.get(tuple(source), {})
            text = f'<CopyObjectResult><ETag>{escape(etag(body))}</ETag></CopyObjectResult>'
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self.folder / '.part'
        part.write_bytes(body)
        part.rename(path)
        self.described[bucket, key] = {
            name: value for name, value in described.items()
            if name.lower().startswith(META) or name.lower() == 'content-type'}
        return body, etag(body), (200, text, 'application/xml', {'ETag': etag(body)})

    @staticmethod
    def check(headers, name, body):
        if headers.get(name) not in (None, '*', etag(body)):
            raise Refusal(412, 'PreconditionFailed', name)

    def listing(self, bucket, query):
        top, prefix = self.bucket(bucket), query.get('prefix', '')
        after = query.get('continuation-token') or query.get('start-after') or ''
        keys = sorted(key for key in (str(path.relative_to(top))
                                      for path in top.rglob('*') if path.is_file())
                      if key.startswith(prefix) and key > after)
        if query.get('delimiter') == '/':
            keys = [key for key in keys if '/' not in key[len(prefix):]]
        some, more = keys[:MAX_KEYS], len(keys) > MAX_KEYS
        token = f'<NextContinuationToken>{escape(some[-1])}</NextContinuationToken>' \
            if more else ''
        return (f'<?xml version="1.0"?><ListBucketResult>{token}<IsTruncated>'
                f'{str(more).lower()}</IsTruncated>'
                + ''.join(self.entry(top, key) for key in some) + '</ListBucketResult>')

    @staticmethod
    def entry(top, key):
        body = (top / key).read_bytes()
        then = time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime((top / key).stat().st_mtime))
        return (f'<Contents><Key>{escape(key)}</Key><LastModified>{then}</LastModified>'
                f'<ETag>{escape(etag(body))}</ETag><Size>{len(body)}</Size>'
                '<StorageClass>STANDARD</StorageClass></Contents>')


def etag(body):
    return f'"{hashlib.md5(body).hexdigest()}"'


def event(bucket, key, size, tag):
    """What a bucket tells of a new object."""
    return {'Records': [{
        'eventVersion': '2.1', 'eventSource': 'aws:s3', 'eventName': 'ObjectCreated:Put',
        's3': {'bucket': {'name': bucket, 'arn': f'arn:aws:s3:::{bucket}'},
               'object': {'key': urllib.parse.quote_plus(key, safe='/'), 'size': size,
                          'eTag': tag.strip('"')}}}]}
