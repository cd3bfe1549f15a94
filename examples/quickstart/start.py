"""`make run`: two backends, a fresh certificate, and the gateway on this folder's manifests. Ctrl-C stops all of it."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOST = "secure.example.com"
HTTP, HTTPS, STATUS = 8080, 8443, 8001
BACKENDS = {"hello": 18091, "secure": 18092}
SGW = [sys.executable, "-m", "sealos_gateway"]
MANIFESTS = Path(__file__).parent / "manifests"


def certificate() -> tuple[bytes, bytes]:
    """A self-signed certificate for HOST and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return builder.sign(key, hashes.SHA256()).public_bytes(pem), private


def write_secret(folder: Path) -> Path:
    """The Secret that the manifest names; returns the certificate as a file for curl."""
    chain, key = certificate()
    data = {"tls.crt": base64.b64encode(chain).decode(), "tls.key": base64.b64encode(key).decode()}
    metadata = {"name": "secure-tls", "namespace": "quickstart"}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "data": data}
    path = folder / "secret.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(secret))
    (folder / "ca.pem").write_bytes(chain)
    return folder / "ca.pem"


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own session, so that Ctrl-C reaches only this script, which then ends it in order."""
    process = subprocess.Popen([*SGW, *command], start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_ready(gateway: subprocess.Popen[bytes]) -> bool:
    """Until the gateway is ready; False when it ended instead."""
    while gateway.poll() is None:
        with contextlib.suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(f"http://127.0.0.1:{STATUS}/readyz", timeout=1).close()
            return True
        time.sleep(0.1)
    return False


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sgw-quickstart-")))
        ca = write_secret(folder)
        for name, port in BACKENDS.items():
            stack.enter_context(running("echo", "--name", name, "--port", str(port)))
        sources = ("-f", str(MANIFESTS), "-f", str(folder / "secret.json"))
        ports = ("--http-port", str(HTTP), "--https-port", str(HTTPS), "--status-port", str(STATUS))
        gateway = stack.enter_context(running("run", *sources, *ports))
        try:
            if not wait_ready(gateway):
                return gateway.returncode
            resolve = f"--resolve {HOST}:{HTTPS}:127.0.0.1 --resolve {HOST}:{HTTP}:127.0.0.1"
            sys.stderr.write(f"""
The gateway is ready. Try in another terminal:

  curl -H 'Host: hello.example.com' http://127.0.0.1:{HTTP}/
  curl -H 'Host: hello.example.com' http://127.0.0.1:{HTTP}/secure/path
  curl -i {resolve} http://{HOST}:{HTTP}/
  curl --cacert {ca} {resolve} https://{HOST}:{HTTPS}/
  curl http://127.0.0.1:{STATUS}/metrics
  .venv/bin/sgw explain --live https://{HOST}/

Edit {MANIFESTS.relative_to(Path.cwd()) if MANIFESTS.is_relative_to(Path.cwd()) else MANIFESTS} and try again: changes \
are live at once. Ctrl-C stops everything.

""")
            gateway.wait()
        except KeyboardInterrupt:
            sys.stderr.write("stopping\n")
            return 0
        return gateway.returncode


if __name__ == "__main__":
    sys.exit(main())
