"""A provider that hangs, refuses its token or is gone: the other account's answers leave as fast as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.bulkhead import bench, p

HUNG_MS = 5_000
"""Half of what a call that hangs takes at the least."""


@pytest.mark.parametrize("trouble", ["hangs", "401", "crashed"])
async def test_the_others_do_not_notice(store_url: str, tmp_path: Path, trouble: str) -> None:
    async with bench(tmp_path, store_url, gone=trouble == "crashed") as made:
        quiet = await made.round(None, 40, 80.0)
        disturbed = await made.round(trouble, 40, 80.0)
        sending = made.service.parts.health.component("b.sending", "account")
        if trouble != "hangs":
            assert sending.state == "failed" and sending.reason is not None
        assert made.service.parts.health.component("a.sending", "account").state == "ok"
    # How fast is the bench's to say. Here: nobody waited for the other account, whose calls hang until they time out.
    assert min(len(quiet), len(disturbed)) >= 40
    assert p(disturbed, 1.0) < HUNG_MS
