"""Words are cut where the script changes; scripts without spaces are known by signs and pairs of signs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryqa.language.languages import ENGLISH
from memoryqa.language.segmentation import HAN_AND_KANA, runs, signs_and_pairs
from memoryqa.language.terms import terms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我的密码是48213", "48213"),
        ("我用iPhone拍照", "iphon"),
        ("房间号是B204请记住", "b204"),
        ("他住在2栋305室", "305"),
        ("WiFi密码", "wifi"),
        ("東京へJR東日本で", "jr"),
        ("パスワードはhunter2です", "hunter2"),
        ("会議は1430からZoomで", "zoom"),
        ("รหัสคือ9917ครับ", "9917"),
        ("ใช้Lineคุยกัน", "line"),
        ("ລະຫັດ7731", "7731"),
        ("លេខ4482", "4482"),
        ("ကုဒ်၅၅၁၂", "5512"),
        ("비밀번호는8841이야", "8841"),
        ("LG전자", "lg"),
        ("카페Latte", "latt"),
        ("ＷｉＦｉ密码", "wifi"),
        ("Моя карта Visaдоступна", "visa"),
        ("رقم الغرفة٣٠٤", "304"),
    ],
)
def test_words_and_digits_that_touch_another_script_are_words_of_their_own(text: str, found: str) -> None:
    assert found in terms(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我的猫很可爱", "猫"),
        ("犬が好き", "犬"),
        ("吃鱼", "鱼"),
        ("ปูอร่อย", "ปู"),
        ("ກິນປາ", "ປາ"),
        ("ឆ្កែធំ", "ឆ្កែ"),
        ("ခွေးကြီး", "ခွေး"),
        ("집", "집"),
        ("물 좀 줘", "물"),
    ],
)
def test_single_signs_are_terms(text: str, found: str) -> None:
    assert found in terms(text)


def test_a_kana_is_a_sign_of_its_own_only_where_it_stands_alone() -> None:
    assert signs_and_pairs("ねこ") == ["ねこ"]
    assert signs_and_pairs("え") == ["え"]


@given(st.text(st.sampled_from("博物馆ねこカタ한글abcABC019ขอไปນາမြខ្មែрусעברदी'-"), max_size=30))
def test_no_letter_is_lost_between_runs(text: str) -> None:
    assert "".join(run for run, _ in runs(text)) == text


def test_a_language_brings_its_stemmer_its_stop_words_and_a_segmenter() -> None:
    whole = replace(ENGLISH, code="zh", stopwords=frozenset(("的",)), segmenters={HAN_AND_KANA: lambda run: [run]})
    assert terms("博物馆 opened", whole) == ["博物馆", "open"]
    plain = replace(ENGLISH, stem=lambda word: word.removesuffix("s"), irregular={})
    assert terms("otters went", plain) == ["otter", "went"]
    marked = replace(plain, stem=lambda word: word.removesuffix("é"), stems_marked=True)
    assert terms("passé passe", marked) == ["pass", "passe"]
    assert terms("博物馆 opened") == ["博物", "物馆", "博", "物", "馆", "open"], "the default stays"
