"""Choosing Elasticsearch for logs: what is wrong with its settings is told before anything is asked of it."""

import sys

import pytest

from weft.app import open_engines
from weft.base.config import Elasticsearch, Logs, Settings
from weft.base.errors import BadSettings, Unavailable
from weft.logs.elasticsearch import ElasticsearchLogs

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("index", ["", "Logs", "-logs", "a/b", "logs*", "_logs", "a,b", "x" * 300])
async def test_a_name_that_no_index_can_have_stops_the_start(index: str) -> None:
    with pytest.raises(
        BadSettings, match=r"elasticsearch.index '.*' cannot begin the name of an index. Use lower case"
    ):
        async with ElasticsearchLogs.open(Elasticsearch(index=index)):
            pass


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1", "127.0.0.1:9200", "ftp://host:21", "http://host", "http://host:99999"]
)
async def test_a_url_that_is_none_stops_the_start(url: str) -> None:
    with pytest.raises(BadSettings, match=r"elasticsearch.url '.*' is no address of a cluster.*http://127.0.0.1:9200"):
        async with ElasticsearchLogs.open(Elasticsearch(url=url)):
            pass


async def test_a_missing_client_is_named(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weft.logs.elasticsearch", None)
    settings = Settings(data=tmp_path, logs=Logs(engine="elasticsearch"))
    with pytest.raises(BadSettings, match=r"its client is not installed. Install it with: pip install 'weft\[elast"):
        async with open_engines(settings, owner=False):
            pass


async def test_the_engine_of_the_settings_is_opened_without_asking_for_its_server(tmp_path: object) -> None:
    settings = Settings(data=tmp_path, logs=Logs(engine="elasticsearch"))
    async with open_engines(settings, owner=False) as engines:
        assert isinstance(engines.site.logs, ElasticsearchLogs)


async def test_a_cluster_that_is_away_is_told_of_once_and_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    async with ElasticsearchLogs.open(Elasticsearch(url="http://127.0.0.1:9")) as logs:
        with pytest.raises(Unavailable, match="does not answer"):
            await logs.stats()
    assert caplog.records == []
