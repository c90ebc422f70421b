"""A headless Chromium, driven by chromedriver's W3C protocol over plain HTTP."""

import base64
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.mlflow import free_port

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]


class Browser:
    """A session with one window."""

    def __init__(self, address: str) -> None:
        self._address = address

    def call(self, method: str, path: str, **body: Any) -> Any:
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self._address}{path}", data, {"Content-Type": "application/json"})
        request.get_method = lambda: method
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def open(self, address: str) -> None:
        self.call("POST", "/url", url=address)

    def run(self, code: str, *arguments: Any) -> Any:
        """Run JavaScript, and return what it returns."""
        return self.call("POST", "/execute/sync", script=code, args=list(arguments))

    @property
    def text(self) -> str:
        """What can be read on the page, in one line."""
        return " ".join((self.run("return document.body ? document.body.innerText : ''") or "").split())

    def wait(self, holds: Callable[[], Any], seconds: float = 60) -> Any:
        """Wait until a condition holds; return what it said.

        Raises:
            AssertionError: It does not within so many seconds; shows what can be read.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := holds():
                return found
            time.sleep(0.1)
        raise AssertionError(f"not within {seconds} seconds: {self.text[:3000]}")

    def wait_for(self, *words: str) -> None:
        """Wait until the page shows all of these words."""
        self.wait(lambda: all(word in self.text for word in words))

    def picture(self, path: Path) -> None:
        """Save what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


@contextmanager
def browser(width: int = 1400, height: int = 1000, *flags: str) -> Iterator[Browser]:
    """Start one; skip the test where there is none."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if driver is None or chromium is None:
        pytest.skip("no chromium and chromedriver: apt-get install chromium chromium-driver")
    port = free_port()
    process = subprocess.Popen([driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    session = Browser(f"http://127.0.0.1:{port}")
    try:
        session.wait(lambda: _answers(session))
        options = {"binary": chromium, "args": [*FLAGS, f"--window-size={width},{height}", *flags]}
        capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        made = session.call("POST", "/session", capabilities=capabilities)
        session._address += f"/session/{made['sessionId']}"
        try:
            yield session
        finally:
            session.call("DELETE", "")
    finally:
        process.terminate()
        process.wait(10)


def _answers(session: Browser) -> bool:
    try:
        return bool(session.call("GET", "/status")["ready"])
    except OSError:
        return False
