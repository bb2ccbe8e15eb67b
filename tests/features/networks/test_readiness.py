"""What networks need of a machine: asked of torch itself, and of hosts that stand here."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import torch

from algocli.features.networks.readiness import devices, kept_weights, unreachable


def test_the_weights_that_are_here_are_those_that_torch_would_take(tmp_path, monkeypatch):
    folder = tmp_path / "torch/hub/checkpoints"
    folder.mkdir(parents=True)
    (folder / "alexnet.pth").touch()
    (folder / "half.tmp").touch()
    monkeypatch.delenv("TORCH_HOME", raising=False)
    for name, place in (("XDG_CACHE_HOME", tmp_path), ("TORCH_HOME", tmp_path / "torch")):
        monkeypatch.setenv(name, str(place))
        assert str(folder.parent) == torch.hub.get_dir()
        assert kept_weights() == [folder / "alexnet.pth"]


def test_without_a_folder_there_are_no_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    assert kept_weights() == []


def test_the_device_taken_where_none_is_named_is_one_that_there_is():
    told = devices()
    assert told["auto"] == ("cuda" if torch.cuda.is_available() else "cpu")
    assert len(told["cuda"]) == torch.cuda.device_count()


class _Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(403)

    def log_message(self, *_words):
        pass


@pytest.fixture
def host(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_host_that_answers_is_reached_whatever_it_answers(host):
    # Nobody listens at the first port of all.
    nobody = "http://127.0.0.1:1"
    assert unreachable([host, nobody]) == {host: None, nobody: "connection refused"}
