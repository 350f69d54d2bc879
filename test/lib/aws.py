# SPDX-License-Identifier: MIT
"""The fixture `aws` gives one test its services of AWS; see awsserver.Aws."""

import pytest

from lib.awsserver import Aws


@pytest.fixture(scope='session')
def aws_server():
    server = Aws().start()
    yield server
    server.stop()


@pytest.fixture
def aws(aws_server):
    """Resets the services: aws.url, aws.environ(), aws.put_secret(...), aws.fault(...),
    aws.calls, ..."""
    aws_server.reset()
    return aws_server
