from __future__ import annotations

import io

import pytest
from cpu_time import assert_linear

from memoryqa.importers.markup import Block, blocks, words


def blocks_of(page: str) -> list[Block]:
    """The blocks of `page`: elements of the class "message", their texts by the classes around."""
    return list(
        blocks(
            io.StringIO(page),
            "page.html",
            lambda tag, classes, attributes: attributes.get("id", "0") if "message" in classes else "",
            lambda classes, around: " ".join(sorted(around)) if "text" in classes else "",
            lambda *_: None,
        )
    )


def test_a_text_is_told_the_classes_around_it_from_its_block_on() -> None:
    page = """
    <div class="page"><div class="message" id="1">
    <div class="body wide"><p class="quote"></p><p class="text">One</p></div>
    <p class="text">Two</b></p></div>
    <div class="message" id="2"><p class="text">Three</p></div></div>
    """
    assert [(block.id, block.texts) for block in blocks_of(page)] == [
        ("1", {"body message wide": ["One"], "message": ["Two"]}),
        ("2", {"message": ["Three"]}),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("unit", ['<div class="message">', '<div class="text">', "<b>", "</i>", "<b></i>"])
def test_pages_of_tags_that_nobody_closes_take_linear_time(unit: str) -> None:
    assert_linear(lambda times: blocks_of(f'<div class="message">{"<p>" * times}{unit * times}'), 5_000)


@pytest.mark.parametrize("unit", ["<pre", "<b ", "<", "<style", "<!--", "<br", "</td"])
@pytest.mark.parametrize("end", ["", ">"])
def test_tags_that_do_not_end_take_linear_time(unit: str, end: str) -> None:
    assert_linear(lambda times: words(unit * times + end), 10_000)
