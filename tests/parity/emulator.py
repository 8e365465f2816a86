"""An emulator of AWS to which the official CLI's requests go, so that its answers are those of a service with a state."""
import contextlib
import os
import socket
import subprocess
import tempfile
import time

import pool

MOTO = os.path.join(pool.ROOT, '.env', 'venv', 'bin', 'moto_server')
# How long moto may take to start, in seconds.
START = 120


@contextlib.contextmanager
def running():
    """moto's server on a free port; gives its address."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        address = listener.getsockname()
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen([MOTO, '-H', address[0], '-p', str(address[1])], stdout=log, stderr=log)
        try:
            started = time.monotonic()
            while not listening(address):
                if server.poll() is not None or time.monotonic() - started > START:
                    log.seek(0)
                    raise RuntimeError(f"moto does not start: {log.read().decode('utf-8', 'replace')[-2000:]}")
                time.sleep(0.1)
            yield f'{address[0]}:{address[1]}'
        finally:
            server.terminate()
            server.wait()


def listening(address):
    try:
        socket.create_connection(address, 1).close()
    except OSError:
        return False
    return True
