"""Seasons in other languages than English; and plans, promises and reports there, which are no past."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from memoryqa.language.dating.dates import resolve

WEDNESDAY = datetime(2024, 5, 15, 10, 30)

SEASONS = {
    "summer 2023": (
        "Letzten Sommer waren wir am Meer.",
        "Letztes Jahr im Sommer haben wir geheiratet.",
        "El verano pasado estuvimos en la costa.",
        "L'été dernier on est allés en Bretagne.",
        "L'estate scorsa siamo andati al mare.",
        "Vorige zomer waren we aan zee.",
        "Vorig jaar zomer waren we in Parijs.",
        "Zeszłego lata byliśmy nad morzem.",
        "W zeszłe lato kupiliśmy łódkę.",
        "No verão passado fomos à praia.",
        "Прошлым летом мы были на море.",
        "В прошлом году летом мы ездили на Байкал.",
        "Geçen yaz denize gittik.",
        "Geçen sene yazın çok çalıştım.",
        "في الصيف الماضي ذهبنا إلى البحر.",
        "पिछली गर्मियों में हम समुद्र गए थे।",
        "पिछले साल गर्मियों में हम शिमला गए।",
        "지난여름에 바다에 갔어.",
        "去年夏天我们去了海边。",
        "去年の夏、海に行きました。",
    ),
    "winter 2023 to 2024": (
        "Im letzten Winter ist mein Opa gestorben.",
        "L'hiver dernier j'ai appris à skier.",
        "El invierno pasado aprendí a esquiar.",
        "Lo scorso inverno ho imparato a sciare.",
        "Afgelopen winter heb ik leren schaatsen.",
        "Zeszłej zimy nauczyłam się jeździć na nartach.",
        "No inverno passado aprendi a esquiar.",
        "Прошлой зимой я научилась кататься на лыжах.",
        "Geçen kış kayak öğrendim.",
        "تعلمت التزلج الشتاء الماضي.",
        "पिछली सर्दियों में मैंने स्की सीखी।",
        "지난 겨울에 스키를 배웠어.",
        "上个冬天我学会了滑雪。",
        "この前の冬、スキーを習った。",
    ),
    "spring 2025": (
        "Nächsten Frühling ziehen wir um.",
        "La próxima primavera nos mudamos.",
        "Au printemps prochain, on déménage.",
        "La prossima primavera ci trasferiamo.",
        "Komend voorjaar verhuizen we.",
        "Przyszłej wiosny się przeprowadzamy.",
        "Na próxima primavera vamos mudar de casa.",
        "Следующей весной мы переезжаем.",
        "Önümüzdeki bahar taşınıyoruz.",
        "سننتقل في الربيع القادم.",
        "अगले वसंत में हम घर बदलेंगे।",
        "내년 봄에 이사할 거야.",
        "明年春天我们要搬家。",
        "来年の春に引っ越します。",
    ),
    "autumn 2023": (
        "Im Herbst letzten Jahres habe ich angefangen.",
        "En el otoño del año pasado me mudé.",
        "L'automne de l'année dernière a été doux.",
        "L'autunno dell'anno scorso mi sono trasferito.",
        "In de herfst van vorig jaar begon ik.",
        "Jesienią zeszłego roku zaczęłam pracę.",
        "No outono do ano passado mudei de casa.",
        "Осенью прошлого года я начала работать.",
        "Geçen yılın sonbaharında işe başladım.",
        "بدأت العمل في خريف العام الماضي.",
        "작년 가을에 일을 시작했어.",
        "去年的秋天我开始工作。",
        "昨年の秋に働き始めた。",
    ),
    "summer 2024": (
        "Diesen Sommer fahren wir nach Rom.",
        "Este verano viajo a Chile.",
        "Cet été je vais à Nice.",
        "Quest'estate vado in Grecia.",
        "Deze zomer ga ik naar Rome.",
        "Tego lata jadę do Grecji.",
        "Este verão vou à Grécia.",
        "Этим летом я еду в Грецию.",
        "Bu yaz Yunanistan'a gidiyorum.",
        "سأسافر هذا الصيف إلى تونس.",
        "इस गर्मी में मैं गोवा जा रहा हूँ।",
        "올여름에 그리스에 갈 거야.",
        "今年夏天我要去希腊。",
        "この夏ギリシャに行きます。",
    ),
    "summer 2022": ("Vorletzten Sommer war ich in Polen.", "Позапрошлым летом мы жили в деревне."),
    "spring 2024": ("En la primavera de este año planté tomates.", "Этой весной я посадила яблоню."),
}


@pytest.mark.parametrize(("value", "text"), [(value, text) for value, texts in SEASONS.items() for text in texts])
def test_a_season_is_that_of_the_words_beside_it(value: str, text: str) -> None:
    assert [found.value for found in resolve(text, WEDNESDAY)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Das Wintersemester beginnt bald.",
        "Unsere Sommerferien waren schön.",
        "Me encanta el verano.",
        "J'ai été malade.",
        "Cet été-là, tout a changé.",
        "Mam trzydzieści dwa lata.",
        "Мне тридцать пять лет.",
        "夏が好きです。",
        "去年の冬、スキーを習った。",  # of January or of December
        "冬天太冷了。",
        "Im Sommer ist es hier immer heiß.",
        "The winter sale of the estate agent was great.",
    ],
)
def test_a_season_without_such_words_is_left_alone(text: str) -> None:
    assert resolve(text, WEDNESDAY) == []


AHEAD = (  # plans, promises, hopes, and what somebody said would be
    "Er sagte, dass er am Freitag kommt.",
    "Sie hat versprochen, am Freitag zu kommen.",
    "Sie hat zugesagt, uns am Sonntag zu helfen.",
    "Pensábamos ir el sábado a la playa.",
    "Prometió llamarme el viernes.",
    "Decidimos salir el lunes.",
    "Elle a promis de venir vendredi.",
    "Il a dit qu'il vient vendredi.",
    "On espérait partir samedi.",
    "Ha promesso di venire venerdì.",
    "Ha detto che viene venerdì.",
    "Lunedì sarei venuto con te.",
    "Ze heeft beloofd vrijdag te komen.",
    "Ze zei dat ze zaterdag langskomt.",
    "Powiedział, że przyjdzie w piątek.",
    "Obiecała przyjść w piątek.",
    "Postanowiliśmy wyjechać w sobotę.",
    "Ela prometeu vir na sexta.",
    "Decidimos viajar no sábado.",
    "Он сказал, что придёт в пятницу.",
    "Она обещала прийти в пятницу.",
    "Мы решили поехать в субботу.",
    "Cuma günü gelmeye söz verdi.",
    "Cumartesi günü sinemaya gitmek istiyorduk.",
    "هل أنت متفرغ يوم الأحد؟",
    "امتحاننا يوم الخميس.",
    "اجتماعنا يوم الأحد في المكتب.",
    "وعدت أن تأتي يوم الجمعة.",
    "قررنا السفر يوم السبت.",
    "وسنلتقي يوم الجمعة في بيت خالتي.",
    "فسنذهب يوم السبت إن شاء الله.",
    "وسوف نحتفل يوم السبت مع البنات.",
    "لازم أسلم التقرير يوم الجمعة كما قلت.",
    "उसने शुक्रवार को आने का वादा किया।",
    "उसने कहा कि वह शुक्रवार को आ रहा है।",
    "월요일에 같이 갔을 텐데.",
    "금요일에 온다고 했어.",
    "토요일에 떠나기로 했어.",
    "彼は金曜日に来ると言った。",
    "金曜日に来ると約束した。",
    "月曜日に一緒に行けばよかった。",
    "土曜日に出かけることにした。",
)


@pytest.mark.parametrize("text", AHEAD)
def test_what_was_to_come_is_not_past(text: str) -> None:
    assert all(found.last >= date(2024, 5, 15) for found in resolve(text, WEDNESDAY))


PAST = {
    "12 May 2024": ("Zondagavond keken we een film.", "Am Sonntagabend haben wir gegrillt."),
    "13 May 2024": (
        "El lunes dejé el trabajo.",
        "Na segunda pedi demissão.",
        "월요일에 회사를 그만뒀어.",
        "سألت المعلمة يوم الاثنين عن الواجب.",
    ),
    "14 May 2024": (
        "Gli operai hanno riparato il tetto martedì.",
        "اشتريت سيارة يوم الثلاثاء.",
        "星期二他们修好了屋顶。",
        "मंगलवार को हमने खूब बातें कीं।",
        "화요일에 지붕을 고쳤어.",
    ),
}


@pytest.mark.parametrize(("value", "text"), [(value, text) for value, texts in PAST.items() for text in texts])
def test_what_is_past_is_dated_beside_words_that_look_otherwise(value: str, text: str) -> None:
    assert [found.value for found in resolve(text, WEDNESDAY)] == [value]
