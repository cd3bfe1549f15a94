"""What runs as a node where only its surroundings matter: it looks at them as `sgw node` does and answers probes."""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import sys
from pathlib import Path

settings = json.loads(Path(sys.argv[sys.argv.index("--config") + 1]).read_text())
assert Path(settings["node"]["token_file"]).read_text().count(".") == 2, "no token"
assert os.geteuid() != 0, "root"
state = Path(settings["state_dir"]) / "written"
state.write_text("yes")


class Probe(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["POD_NAME"].encode())


socketserver.TCPServer.allow_reuse_address = True
low = socketserver.TCPServer(("0.0.0.0", 80), Probe)  # as a listener would: allowed without being root
if os.fork() == 0:
    low.serve_forever()
socketserver.TCPServer((settings["status_address"], settings["status_port"]), Probe).serve_forever()
