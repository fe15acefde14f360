"""with_servers.py COMMAND...: runs COMMAND beside a Redis and an S3 server of its own, and stops them with it.

COMMAND finds their ports on 127.0.0.1 in HOSTEL_TEST_REDIS_PORT and HOSTEL_TEST_S3_PORT, the password of the first in
HOSTEL_TEST_REDIS_PASSWORD, and credentials for the second where Amazon's own tools look. The bucket is `artifacts`.
Redis speaks TLS, too, at HOSTEL_TEST_REDIS_TLS_PORT. HOSTEL_TEST_CERTIFICATES is a file with the certificate of the authority that
vouches for it, as 127.0.0.1 and localhost; HOSTEL_TEST_OTHER_CERTIFICATES is that of one that does not.
"""

import ctypes
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from moto.server import ThreadedMotoServer

PASSWORD = "Open,Sesame"
HOST = "127.0.0.1"


def end_with_parent():
    """Also when this process is killed, which no `finally` sees."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        with socket.create_connection((HOST, port), timeout=5) as redis:
            redis.sendall(f"AUTH {PASSWORD}\r\nPING\r\n".encode())
            return redis.makefile("rb").readline() == b"+OK\r\n"
    except OSError:
        return False


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates(folder):
    """Two authorities, and what the first says of the server."""

    def file(name):
        return os.path.join(folder, name)

    for name in ("authority", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                f"/CN={name}", "-keyout", file(f"{name}.key"), "-out", file(f"{name}.pem"))
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server", "-keyout",
            file("server.key"), "-out", file("server.csr"))
    with open(file("server.ext"), "w", encoding="ascii") as extensions:
        extensions.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("x509", "-req", "-in", file("server.csr"), "-CA", file("authority.pem"), "-CAkey", file("authority.key"),
            "-CAcreateserial", "-days", "2", "-extfile", file("server.ext"), "-out", file("server.pem"))
    return file


def start_redis(folder, file):
    """The server and its ports. Somebody else may take a port before it does; then another is tried."""
    for _ in range(10):
        port, tls_port = free_port(), free_port()
        options = ["--bind", HOST, "127.0.0.2", "--port", str(port), "--requirepass", PASSWORD, "--dir", folder]
        options += ["--tls-port", str(tls_port), "--tls-auth-clients", "no", "--tls-ca-cert-file", file("authority.pem")]
        options += ["--tls-cert-file", file("server.pem"), "--tls-key-file", file("server.key")]
        options += ["--save", "", "--appendonly", "no", "--loglevel", "warning", "--logfile", os.path.join(folder, "log")]
        redis = subprocess.Popen(["redis-server", *options], preexec_fn=end_with_parent)
        for _ in range(200):
            if answers(port):
                return redis, port, tls_port
            if redis.poll() is not None:
                break
            time.sleep(0.05)
        redis.kill()
        redis.wait()
    sys.exit("with_servers.py: no Redis server could be started")


def start_s3():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(HOST, 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    request = urllib.request.Request(f"http://{HOST}:{port}/artifacts", method="PUT", headers={"Host": "s3.amazonaws.com"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(request, timeout=60).close()
    return port


def main():
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="hostel-redis-") as folder:
        file = make_certificates(folder)
        redis, redis_port, redis_tls_port = start_redis(folder, file)
        try:
            environment = {
                **os.environ,
                "AWS_ACCESS_KEY_ID": "AKIAHOSTELTESTS",
                "AWS_SECRET_ACCESS_KEY": "hostel-tests-secret-access-key",
                "HOSTEL_TEST_REDIS_PASSWORD": PASSWORD,
                "HOSTEL_TEST_REDIS_PORT": str(redis_port),
                "HOSTEL_TEST_REDIS_TLS_PORT": str(redis_tls_port),
                "HOSTEL_TEST_CERTIFICATES": file("authority.pem"),
                "HOSTEL_TEST_OTHER_CERTIFICATES": file("other.pem"),
                "HOSTEL_TEST_S3_PORT": str(start_s3()),
                "no_proxy": HOST,
                "NO_PROXY": HOST,
            }
            command = subprocess.Popen(sys.argv[1:], env=environment, preexec_fn=end_with_parent)
            try:
                status = command.wait()
            finally:
                command.kill()
            return status if status >= 0 else 128 - status
        finally:
            redis.kill()
            redis.wait()


if __name__ == "__main__":
    sys.exit(main())
