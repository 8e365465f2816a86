"""Loaded by the frozen CLI v2 through its plugin setting; takes the process over."""
import os
import sys


def awscli_initialize(event_handlers):
    if os.environ.pop('ORACLE_WORKER', None) != '1':
        return
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, here)
    import serve
    out = os.dup(1)
    os.dup2(2, 1)
    rc = 0
    try:
        serve.serve(0, out)
    except BaseException:
        import traceback
        traceback.print_exc()
        rc = 1
    sys.stderr.flush()
    os._exit(rc)
