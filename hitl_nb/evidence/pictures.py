"""Pictures of Python objects: matplotlib figures, PIL images, charts, and bytes.

The picture is made here, at once, so nothing of the object is executed when people look at it. No library is imported:
an object of a library exists only if the library is imported.
"""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

from hitl_nb.evidence.picture_formats import (
    MAX_PICTURE_BYTES,
    PictureInfo,
    check_picture,
    check_pixels,
    check_svg,
    read_picture_info,
)
from hitl_nb.values.json_values import with_article

_MAX_SIDE = 2_000
"""Figures and PIL images are reduced to this width and height, in pixels. Larger ones are hard to read anyway."""
_JPEG_QUALITY = 85
_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""Modes of PIL images that are saved as PNG without a conversion."""


class Picture(NamedTuple):
    """A picture as bytes.

    Attributes:
        data: The bytes.
        info: Media type and size in pixels.
        is_chart: Whether it is the picture of a chart.
        reduced_from: Size of the original in pixels, if the picture was reduced; "" if it was not.
    """

    data: bytes
    info: PictureInfo
    is_chart: bool = False
    reduced_from: str = ""


def is_picture(value: Any) -> bool:
    """Return whether `value` is surely a picture: a figure, a PIL image, a chart of Altair, or bytes of a picture."""
    if isinstance(value, bytes | bytearray | memoryview):
        return read_picture_info(bytes(cast("bytes", value[:64]))) is not None
    return _find_figure(value) is not None or _is_pil_image(value) or _is_altair_chart(value)


def take_picture(value: Any, path: str) -> Picture | None:
    """Return the picture of a figure, a PIL image, a chart or of bytes; None if `value` has no picture.

    Args:
        value: The object. Objects with a method `_repr_png_`, `_repr_jpeg_` or `_repr_svg_` are charts.
        path: Name of the object, for messages.

    Raises:
        ValueError: The picture is too large, or is of another format.
        TypeError: The chart cannot be made into a picture, because a library is missing.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(cast("bytes", value))
        return Picture(data, check_picture(data, path))
    if (figure := _find_figure(value)) is not None:
        return _draw_figure(figure, path)
    if _is_pil_image(value):
        return _save_pil_image(value, path)
    if _is_altair_chart(value):
        return _draw_altair_chart(value, path)
    return _read_displayed(value, path)


def read_picture_file(file: os.PathLike[str], path: str) -> Picture:
    """Return the picture in a file. A file with the suffix ".svg" is SVG.

    Args:
        file: The file.
        path: Name of the picture, for messages.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is too large, or is not a picture.
    """
    place = Path(file)
    with place.open("rb") as opened:
        data = opened.read(MAX_PICTURE_BYTES + 1)
    check = check_svg if place.suffix.lower() == ".svg" else check_picture
    return Picture(data, check(data, path))


# --- matplotlib -----------------------------------------------------------------------------------------------------


def _find_figure(value: Any) -> Any:
    """Return a matplotlib figure, or the figure of matplotlib axes; None if `value` is neither."""
    figures, axes = sys.modules.get("matplotlib.figure"), sys.modules.get("matplotlib.axes")
    if figures is not None and isinstance(value, figures.Figure):
        return value
    return value.get_figure() if axes is not None and isinstance(value, axes.Axes) else None


def _draw_figure(figure: Any, path: str) -> Picture:
    width, height = (inches * figure.dpi for inches in figure.get_size_inches())
    scale = min(1.0, _MAX_SIDE / max(width, height, 1))
    made = io.BytesIO()
    figure.savefig(made, format="png", dpi=figure.dpi * scale)
    data = made.getvalue()
    return Picture(data, check_picture(data, path), is_chart=True)


# --- PIL ------------------------------------------------------------------------------------------------------------


def _is_pil_image(value: Any) -> bool:
    images = sys.modules.get("PIL.Image")
    return images is not None and isinstance(value, images.Image)


def _save_pil_image(image: Any, path: str) -> Picture:
    width, height = image.size
    check_pixels(width, height, path)  # before the pixels of a file are decoded
    operations: Any = import_module("PIL.ImageOps")
    shown = operations.exif_transpose(image)  # a copy, turned as the camera was held
    shown.thumbnail((_MAX_SIDE, _MAX_SIDE))
    if shown.mode not in _PNG_MODES:
        shown = shown.convert("RGB")
    made = io.BytesIO()
    shown.save(made, "PNG")
    if made.tell() > MAX_PICTURE_BYTES:
        made = io.BytesIO()
        shown.convert("RGB").save(made, "JPEG", quality=_JPEG_QUALITY)
    data = made.getvalue()
    is_reduced = max(width, height) > _MAX_SIDE
    return Picture(data, check_picture(data, path), reduced_from=f"{width} x {height}" if is_reduced else "")


# --- charts ---------------------------------------------------------------------------------------------------------


def _is_altair_chart(value: Any) -> bool:
    kind = cast("type[Any]", type(value))
    return kind.__module__.split(".")[0] == "altair" and callable(getattr(kind, "save", None))


def _draw_altair_chart(chart: Any, path: str) -> Picture:
    made = io.BytesIO()
    try:
        chart.save(made, format="png")
    except (ImportError, ValueError) as error:
        raise TypeError(
            f"{path} is an Altair chart, which cannot be drawn here: {error}. Install vl-convert-python, or give a "
            "picture of it: hitl.image(...)"
        ) from error
    data = made.getvalue()
    return Picture(data, check_picture(data, path), is_chart=True)


def _read_displayed(value: Any, path: str) -> Picture | None:
    """Return the picture that an object displays in notebooks; None if it displays none."""
    for name in ("_repr_png_", "_repr_jpeg_"):
        shown = _call_display(value, name)
        if shown is not None:
            data = base64.b64decode(shown) if isinstance(shown, str) else bytes(shown)
            return Picture(data, check_picture(data, path), is_chart=True)
    shown = _call_display(value, "_repr_svg_")
    if isinstance(shown, str):
        data = shown.encode("utf-8", "replace")
        return Picture(data, check_svg(data, path), is_chart=True)
    if shown is not None:
        raise TypeError(f"{path} displays an SVG that is {with_article(type(shown).__name__)}; it must be a str")
    return None


def _call_display(value: Any, name: str) -> Any:
    """Return what a display method of an object returns, without metadata; None if it has no such method.

    Only methods of the class count: some objects have an attribute of every name.
    """
    method = cast("Callable[[Any], Any] | None", getattr(cast("type[Any]", type(value)), name, None))
    shown = method(value) if callable(method) else None
    if isinstance(shown, tuple) and len(cast("tuple[Any, ...]", shown)) == 2 and isinstance(shown[1], Mapping):
        shown = cast("tuple[Any, ...]", shown)[0]
    return cast("Any", shown)


def displays_html(value: Any) -> bool:
    """Return whether an object displays itself as HTML in notebooks."""
    return callable(getattr(cast("type[Any]", type(value)), "_repr_html_", None))
