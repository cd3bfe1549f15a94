"""For comparison: nginx with N server blocks; one more written and reloaded → its first 200."""

import subprocess
import time
from pathlib import Path

from bench import load, proxies, world
from bench.client import Client, listens, serves
from bench.lab import Lab, process
from bench.result import Figure, Result, Size, milliseconds, quantile
from bench.scope_filters.lab import free_port, wait_for

LIMIT_SECONDS = 120.0


def run(lab: Lab, size: Size) -> Result:
    """Each N with an nginx of its own."""
    if load.missing("nginx"):
        return Result([_figure(blocks, None) for blocks in size.server_blocks])
    times = {blocks: _reloads(lab, blocks, size.reloads) for blocks in size.server_blocks}
    return Result([_figure(*each) for each in times.items()], {"seconds_by_server_blocks": times})


def _reloads(lab: Lab, blocks: int, often: int) -> list[float]:
    folder, port = lab.folder(), free_port()
    names = [world.member(number) for number in range(blocks)]
    command = proxies.nginx_command(_write(lab, folder, port, names))
    with process(command, folder / "log"):
        wait_for(lambda: listens(port), LIMIT_SECONDS)
        client = Client(port)
        client.warm([world.host(names[0])])
        times = [_reload(lab, client, folder, port, [*names, f"new-{number}"], command) for number in range(often)]
        client.close()
    return times


def _reload(lab: Lab, client: Client, folder: Path, port: int, names: list[str], command: list[str | Path]) -> float:
    """Seconds from the file's being written to the first 200."""
    _write(lab, folder, port, names)
    began = time.perf_counter()
    subprocess.run([*command, "-s", "reload"], check=True, capture_output=True)
    return client.until(world.host(names[-1]), serves, LIMIT_SECONDS) - began


def _write(lab: Lab, folder: Path, port: int, names: list[str]) -> Path:
    """A server block per host, as ingress controllers write them; an unknown host is answered 404."""
    head = "server_names_hash_max_size 262144; server_names_hash_bucket_size 128;\n"
    head += f"server {{ listen 127.0.0.1:{port} default_server; return 404; }}\n"
    blocks = (
        f"server {{ listen 127.0.0.1:{port}; server_name {world.host(name)};"
        f" location / {{ proxy_pass http://127.0.0.1:{lab.a.port}; }} }}"
        for name in names
    )
    return proxies.nginx_file(folder, head + "\n".join(blocks))


def _figure(blocks: int, times: list[float] | None) -> Figure:
    what = f"nginx, one host more among {blocks:,} server blocks, file written → reload → first 200"
    what_zh = f"nginx，{blocks:,} 个 server 块中新增一个域名：写入文件 → reload → 首个 200"
    if times is None:
        return Figure(what, what_zh, "–", "not installed")
    return Figure(what, what_zh, "–", f"{milliseconds(quantile(times, 0.5))} (longest {milliseconds(max(times))})")
