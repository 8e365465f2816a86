"""Worker loop: jobs as JSON lines on stdin, results as JSON lines on stdout."""
import json
import os
import sys
import tempfile


def serve(jobs_fd, results_fd):
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import official
    jobs = os.fdopen(jobs_fd, 'r', encoding='utf-8')
    results = os.fdopen(results_fd, 'w', encoding='utf-8')
    scratch = tempfile.mkdtemp(prefix='oracle-')
    home = os.path.join(scratch, 'home')
    work = os.path.join(scratch, 'work')
    os.mkdir(home)
    os.mkdir(work)
    # On some machines the CLI sends S3's transfers through a client of its own, past what records requests here.
    with open(os.path.join(home, 'config'), 'w', encoding='utf-8') as config:
        config.write('[default]\ns3 =\n  preferred_transfer_client = classic\n')
    os.environ['ORACLE_HOME'] = home
    os.chdir(work)
    last = None
    try:
        for line in jobs:
            job = json.loads(line)
            kind = job.get('kind', 'run')
            if job.get('group') != last:
                official.drop_model_cache() if last is not None else None
                last = job.get('group')
            if kind == 'run':
                res = official.run_job(job)
                results.write(json.dumps(res, ensure_ascii=True) + '\n')
            elif kind == 'gen':
                import commands
                for item in commands.generate(job):
                    results.write(json.dumps(item, ensure_ascii=True) + '\n')
                results.write(json.dumps({'end': job.get('id')}) + '\n')
            results.flush()
    finally:
        os.chdir('/')
        import shutil
        shutil.rmtree(scratch, ignore_errors=True)

