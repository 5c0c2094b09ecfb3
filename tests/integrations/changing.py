from typing import Any, cast

from refold_async import Options


def change(options: Options, **changes: Any) -> Options:
    return cast("Options", {**options, **changes})
