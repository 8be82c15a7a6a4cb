"""A provider that hangs, refuses its token or is gone: the other account's answers leave as fast as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.bulkhead import bench, p


@pytest.mark.parametrize("trouble", ["hangs", "401", "crashed"])
async def test_the_others_do_not_notice(store_url: str, tmp_path: Path, trouble: str) -> None:
    async with bench(tmp_path, store_url, gone=trouble == "crashed") as made:
        quiet = await made.round(None, 40, 80.0)
        disturbed = await made.round(trouble, 40, 80.0)
        sending = made.service.parts.health.component("b.sending", "account")
        if trouble != "hangs":
            assert sending.state == "failed" and sending.reason is not None
        assert made.service.parts.health.component("a.sending", "account").state == "ok"
    assert p(disturbed, 0.5) <= 2 * p(quiet, 0.5) + 10
    assert p(disturbed, 0.9) <= 2 * p(quiet, 0.9) + 25
