# SPDX-License-Identifier: MIT
"""A minimal S3 in memory, for tests that only store and fetch objects: objects by path,
and their list in pages. Signatures are not checked."""

import http.server
import threading
import urllib.parse
from xml.sax.saxutils import escape


class Objects:
    """`kept` is {(bucket, key): bytes}; `url` is the endpoint."""

    def __init__(self, page=2):
        self.gone = set()  # names of buckets that were removed
        self.kept = {}
        self.page = page
        self.asked = []
        self.fails = []  # (method, part of the path, status)
        self.holds = []  # (method, part of the path, event): answered when it is set
        handler = type('Handler', (Handler,), {'objects': self})
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, bucket, key, data):
        self.kept[bucket, key] = data

    def exists(self, bucket, key):
        return (bucket, key) in self.kept

    def get(self, bucket, key):
        """Raises KeyError when there is no such object."""
        return self.kept[bucket, key]

    def keys(self):
        return sorted(key for _, key in self.kept)

    def remove(self):
        self.server.shutdown()
        self.server.server_close()

    def fault(self, method, path):
        for fail in self.fails:
            if fail[0] == method and fail[1] in path:
                return fail[2]
        return None

    def listing(self, bucket, query):
        """Returns a page of the list; its token is the last key of the page before."""
        token = query.get('continuation-token', '')
        keys = sorted(key for kept, key in self.kept if kept == bucket
                      and key.startswith(query.get('prefix', '')) and key > token)
        some, more = keys[:self.page], len(keys) > self.page
        contents = ''.join(
            f'<Contents><Key>{escape(key)}</Key>'
            f'<Size>{len(self.kept[bucket, key])}</Size></Contents>' for key in some)
        after = f'<NextContinuationToken>{escape(some[-1])}</NextContinuationToken>' \
            if more else ''
        return (f'<?xml version="1.0"?><ListBucketResult>{contents}{after}'
                f'<IsTruncated>{str(more).lower()}</IsTruncated>'
                '</ListBucketResult>').encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    objects = None

    def log_message(self, *args):
        pass

    def answer(self, status, body=b''):
        for method, path, event in list(self.objects.holds):
            if method == self.command and path in self.path:
                event.wait(60)
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.send_header('ETag', '"etag"')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        bucket, _, key = urllib.parse.unquote(parts.path)[1:].partition('/')
        objects = self.objects
        objects.asked.append(f'{self.command} {self.path}')
        fault = objects.fault(self.command, self.path)
        if fault:
            return self.answer(fault, b'<Error><Code>AccessDenied</Code>'
                                      b'<Message>no</Message></Error>')
        if bucket in objects.gone:
            return self.answer(404, b'<Error><Code>NoSuchBucket</Code>'
                                    b'<Message>none</Message></Error>')
        if self.command == 'PUT' and self.headers.get('If-None-Match') and \
                objects.exists(bucket, key):
            return self.answer(412, b'<Error><Code>PreconditionFailed</Code>'
                                    b'<Message>there</Message></Error>')
        if self.command == 'PUT':
            objects.put(bucket, key, body)
            return self.answer(200)
        if self.command == 'DELETE':
            objects.kept.pop((bucket, key), None)
            return self.answer(204)
        if not key:
            return self.answer(200, objects.listing(bucket, query))
        if not objects.exists(bucket, key):
            return self.answer(404, b'<Error><Code>NoSuchKey</Code>'
                                    b'<Message>none</Message></Error>')
        return self.answer(200, objects.kept[bucket, key])

    do_GET = do_HEAD = do_PUT = do_DELETE = serve
