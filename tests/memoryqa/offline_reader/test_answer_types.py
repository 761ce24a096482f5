"""The offline reader answers with what is asked for: an amount, a name, a date that is said, a cell of a table."""

from __future__ import annotations

import pytest

from memoryqa.offline_reader.amounts import answer_amount, asked_amount
from memoryqa.offline_reader.cells import answer_cell
from memoryqa.offline_reader.extraction import read
from memoryqa.offline_reader.naming import answer_name, answer_who, asked_thing
from memoryqa.offline_reader.polarity import contradicts
from memoryqa.offline_reader.ranking import rank, tokenize

AMOUNTS = """\
[D1, 3 March 2024]
1 Oskar: The new boiler is in since yesterday (= 2 March 2024). 2,400 euros with fitting, and three days without heat.
2 Maud: Ouch. Our roof was £7,850, over two years.
3 Oskar: How heavy is that parcel of yours?
4 Maud: The parcel? 12 kilos, mostly books.
[D2, 9 April 2024]
1 Maud: The pottery class went well! It is 45 a month, eight evenings.
2 Oskar: I sold the old kayak to a student for 260.
3 Maud: Nice. What about the trailer?
4 Oskar: The trailer I keep. By the way, Greta has moved in with us, a tortoise.
5 Maud: How old?
6 Oskar: Sixty. She weighs 4 kg.
[D3, 2 June 2024]
1 Oskar: We walk to the lighthouse on Saturday (= 8 June 2024), 14 km along the cliff.
2 Maud: My studio in Gent has 38 square metres, the landlord wants 640 euros and a deposit of 1,280 euros.
3 Oskar: The tent was 80 euros and the stove 45.
4 Maud: My nephew Per turned 17 last week (= the week before 2 June 2024).
5 Oskar: The fir behind the house is 21 metres tall now.
6 Maud: The stove fitter comes on July 18. The chimney is 900 minus a discount.
"""


@pytest.mark.parametrize(
    ("question", "answer", "cited"),
    [
        ("How much did the boiler cost?", "2,400 euros", "D1:1"),
        ("How much was Maud's roof?", "£7,850", "D1:2"),
        ("What does the pottery class cost?", "45 a month", "D2:1"),
        ("For how much did Oskar sell the kayak?", "260", "D2:2"),
        ("How much did Oskar get for the kayak?", "260", "D2:2"),
        ("How much is the deposit for Maud's studio?", "1,280 euros", "D3:2"),
        ("How much was the tent?", "80 euros", "D3:3"),
        ("How much was the stove?", "45", "D3:3"),
        ("How much is the chimney?", "900", "D3:6"),
        ("How heavy is the parcel?", "12 kilos", "D1:4"),
        ("How heavy is the tortoise?", "4 kg", "D2:6"),
        ("How old is the tortoise?", "Sixty", "D2:6"),
        ("How old is Per?", "17", "D3:4"),
        ("How far is it to the lighthouse?", "14 km", "D3:1"),
        ("How big is Maud's studio?", "38 square metres", "D3:2"),
        ("How tall is the fir?", "21 metres", "D3:5"),
    ],
)
def test_an_amount_is_answered_with_the_amount(question: str, answer: str, cited: str) -> None:
    found = read(question, AMOUNTS)
    assert (found.answer, found.evidence_ids) == (answer, (cited,))


@pytest.mark.parametrize(
    "question",
    [
        "How much did the piano cost?",
        "How much is the ferry to Oslo?",
        "How heavy is the anvil?",
        "How old is the bridge?",
        "How far is it to the airport?",
        "How tall is the mast?",
        "How much does Oskar like the boiler?",
    ],
)
def test_no_amount_is_taken_from_lines_about_something_else(question: str) -> None:
    assert answer_amount(rank(question, AMOUNTS)) is None


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How much time did Ana spend there?", ""),
        ("How much sleep does Ana need?", ""),
        ("How many cats does Ana have?", ""),
        ("What is the price of the lamp?", "money"),
        ("What budget do they have?", "money"),
        ("How much should I drink?", "volume"),
        ("What percentage did Ana get?", "share"),
    ],
)
def test_the_wording_decides_the_kind_of_amount(question: str, asked: str) -> None:
    assert asked_amount(question) == asked


NAMES = """\
[D1, 5 May 2024]
1 Runa: We bought a boat at last! She was called Gull before, now her name is Dorotea.
2 Teo: Lovely. My coach Ilse would want to race you.
3 Runa: Bring her along. How is the new kitten?
4 Teo: Sleeping. His name is Pepe.
5 Runa: I called Marit about the mooring.
[D2, 20 June 2024]
1 Teo: The bakery on the corner is called Korn und Salz.
2 Runa: My dentist is Dr. Aalto, by the way. Henk is my brother, he paid for it.
3 Teo: I read a novel named "The Glass Orchard" on the train.
4 Runa: I have two hens, Ada and Lovelace.
5 Teo: Who looks after your garden?
6 Runa: Ask for Mr. Quist, he is the gardener of everybody here.
7 Teo: We named the robot Bolt.
"""


@pytest.mark.parametrize(
    ("question", "answer", "cited"),
    [
        ("What is the name of Runa's boat?", "Dorotea", "D1:1"),
        ("Who is Teo's coach?", "Ilse", "D1:2"),
        ("What is the kitten called?", "Pepe", "D1:4"),
        ("What is the bakery called?", "Korn und Salz", "D2:1"),
        ("What is the name of the bakery?", "Korn und Salz", "D2:1"),
        ("Who is Runa's dentist?", "Dr. Aalto", "D2:2"),
        ("Who is Runa's brother?", "Henk", "D2:2"),
        ("What's the name of Teo's novel?", "The Glass Orchard", "D2:3"),
        ("What are the names of Runa's hens?", "Ada, Lovelace", "D2:4"),
        ("What is the gardener's name?", "Mr. Quist", "D2:6"),
        ("What did Teo name the robot?", "Bolt", "D2:7"),
    ],
)
def test_a_name_is_answered_with_the_name(question: str, answer: str, cited: str) -> None:
    found = read(question, NAMES)
    assert (found.answer, found.evidence_ids) == (answer, (cited,))


@pytest.mark.parametrize(
    "question",
    [
        "What is the name of Teo's sister?",
        "What is Runa's parrot called?",
        "Who is Teo's landlord?",
        "What is the name of the mooring?",
        "Who is the mayor?",
        "What is Teo's train called?",
    ],
)
def test_no_name_of_something_else_is_taken(question: str) -> None:
    assert answer_name(rank(question, NAMES)) is None


@pytest.mark.parametrize(
    "question", ["Who is Ilse?", "Who called Marit?", "What is Runa doing?", "Who was at the party?"]
)
def test_questions_for_something_else_than_a_name(question: str) -> None:
    assert asked_thing(question) == ""


WHO = """\
[D1, 1 October 2024]
1 Pia: Gustav got a parking ticket again.
2 Rolf: New bicycle: I ride it to work every day.
3 Pia: I had a wonderful trip to Porto.
4 Rolf: Lovely evening, the soup made everybody happy.
5 Pia: Ingrid and I got tickets for the opera. Vera has a cold.
6 Rolf: Got a splinter in the thumb.
7 Pia: Who has a spare helmet?
"""


@pytest.mark.parametrize(
    ("question", "answer", "cited"),
    [
        ("Who got a parking ticket?", "Gustav", "D1:1"),
        ("Who has a new bicycle?", "Rolf", "D1:2"),
        ("Who had a trip to Porto?", "Pia", "D1:3"),
        ("Who has a cold?", "Vera", "D1:5"),
        ("Who got a splinter in the thumb?", "Rolf", "D1:6"),
    ],
)
def test_who_is_answered_with_who_it_was(question: str, answer: str, cited: str) -> None:
    found = read(question, WHO)
    assert (found.answer, found.evidence_ids) == (answer, (cited,))


@pytest.mark.parametrize(
    "question",
    [
        "Who has a spare helmet?",
        "Who did Pia meet?",
        "Who made everybody happy?",
        "Who was at the opera?",
        "Who got a tractor?",
        "Who has a yacht?",
    ],
)
def test_who_takes_no_word_that_only_opens_a_sentence_and_nobody_from_other_lines(question: str) -> None:
    assert answer_who(rank(question, WHO)) is None


DATES = """\
[D1, 10 January 2024]
1 Solveig: I applied for the post at the observatory! Wish me luck.
2 Imre: Which post?
3 Solveig: The night guide, at the observatory in Tartu.
[D2, 21 February 2024]
1 Solveig: They took me!!! Start on March 4th
2 Imre: Bravo! My choir sings in the cathedral on 16 June, do come.
3 Solveig: I will. The lease of the shop ends on Sep 30.
[D3, 8 May 2024]
1 Imre: We talked about the marathon all evening.
2 Solveig: You run the marathon on October 13.
3 Imre: We pick up the keys on 2 September, move on 5 October.
4 Solveig: The exhibition opens 2024-11-09.
"""


@pytest.mark.parametrize(
    ("question", "answer", "cited"),
    [
        ("When does Solveig start at the observatory?", "March 4th", "D2:1"),
        ("When does Imre's choir sing in the cathedral?", "16 June", "D2:2"),
        ("When does the lease of the shop end?", "Sep 30", "D2:3"),
        ("When is the marathon?", "October 13", "D3:2"),
        ("When was the marathon?", "October 13", "D3:2"),
        ("When do they pick up the keys?", "2 September", "D3:3"),
        ("When do they move?", "5 October", "D3:3"),
        ("When does the exhibition open?", "2024-11-09", "D3:4"),
        ("When did Solveig apply for the post?", "10 January 2024", "D1:1"),
    ],
)
def test_a_date_that_is_said_comes_before_the_day_of_saying_it(question: str, answer: str, cited: str) -> None:
    found = read(question, DATES)
    assert (found.answer, found.evidence_ids) == (answer, (cited,))


TO_COME = """\
[D1, 6 May 2024]
1 Aino: Finished the mural, next week (= the week after 6 May 2024) I sleep.
2 Jorma: I planted the quince, tomorrow (= 7 May 2024) comes the hedge.
3 Aino: The kiln arrived, and the clay follows next month (= June 2024).
4 Jorma: I quit the orchestra, next year (= 2025) I travel.
5 Aino: Our club bought the sauna, on Friday (= 10 May 2024) we heat it.
6 Jorma: The inspection is tomorrow (= 7 May 2024).
"""


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When did Aino finish the mural?", "6 May 2024"),
        ("When did Jorma plant the quince?", "6 May 2024"),
        ("When did the kiln arrive?", "6 May 2024"),
        ("When did Jorma quit the orchestra?", "6 May 2024"),
        ("When did the club buy the sauna?", "6 May 2024"),
        ("When is the inspection?", "7 May 2024"),
        ("When did the inspection take place?", "7 May 2024"),
    ],
)
def test_what_is_over_was_on_no_day_still_to_come_unless_the_words_are_beside_it(question: str, answer: str) -> None:
    assert read(question, TO_COME).answer == answer


OPPOSITES = """\
[D1, 4 February 2024]
1 Noor: I failed the driving test, again. The next one is in spring.
2 Luc: What a pity. We lost the final against Ghent.
3 Noor: I sold the piano, the room is empty now.
4 Luc: I forgot to water the ferns.
[D2, 11 April 2024]
1 Noor: PASSED the test!
2 Luc: And we won the final of the cup!
3 Noor: I bought a piano again, a smaller one.
[D3, 6 July 2024]
1 Luc: The bookshop closed for good.
2 Noor: I didn't finish the quilt.
[D4, 30 August 2024]
1 Luc: A new bookshop opened next door.
2 Noor: The quilt is finished!
"""


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When did Noor pass the driving test?", "11 April 2024"),
        ("When did Noor fail the driving test?", "4 February 2024"),
        ("When did Luc win the final against Ghent?", "11 April 2024"),
        ("When did Luc lose the final?", "4 February 2024"),
        ("When did Noor buy the piano?", "11 April 2024"),
        ("When did Noor sell the piano?", "4 February 2024"),
        ("When did the bookshop open?", "30 August 2024"),
        ("When did the bookshop close?", "6 July 2024"),
        ("When did Noor finish the quilt?", "30 August 2024"),
    ],
)
def test_the_opposite_of_what_is_asked_answers_nothing(question: str, answer: str) -> None:
    assert read(question, OPPOSITES).answer == answer


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("Who passed the exam?", "Ana failed it.", True),
        ("Who passed the exam?", "Ana failed twice and then passed.", False),
        ("Did Ana find the lost ring?", "The ring is lost.", False),
        ("Why didn't Ana pass?", "She failed the oral part.", False),
        ("When did Ana leave?", "Ana never left.", True),
        ("What did Ana do in the end?", "We start tomorrow.", False),
        ("Who borrowed the saw?", "I lent it to Bo.", True),
        ("Who arrived first?", "Bo was not late.", False),
    ],
)
def test_what_contradicts_a_question(question: str, sentence: str, expected: bool) -> None:
    assert contradicts(tokenize(question), tokenize(sentence)) is expected


def test_the_opposite_is_no_yes() -> None:
    evidence = "[D1, 4 February 2024]\n1 Noor: I failed the driving test in Aalst."
    assert read("Did Noor pass the driving test in Aalst?", evidence).answer == "No"
    assert read("Did Noor fail the driving test in Aalst?", evidence).answer == "Yes"


TABLES = """\
[D1, 2 May 2024]
1 user: Make a plan for the week, chores and sports.
2 assistant: Here is your plan:
 | Day | Chore | Sport | Evening |
 |---|:---:|---|---|
 | Mon | windows | rowing | choir |
 | Tue | laundry | **climbing** | - |
 | Wed | compost | swimming | chess club |
 | Thu | shopping | yoga | cinema |
 Do not do all of it at once.
3 user: And what do the rooms cost?
4 assistant: Prices of the hostels:
 | Hostel | Dorm | Single room |
 | --- | --- | --- |
 | Seagull | 31 euros | 74 euros |
 | Old Mill | 28 euros | 66 euros |
5 user: I swapped Wednesday's sport with my sister.
6 assistant: Noted: Wednesday's sport is now **fencing**.
"""


@pytest.mark.parametrize(
    ("question", "answer", "cited"),
    [
        ("What is Thursday's chore in the plan?", "shopping", "D1:2"),
        ("Which sport do I do on Tuesday?", "climbing", "D1:2"),
        ("What was the chore for Monday?", "windows", "D1:2"),
        ("What does my plan say for Wednesday evening?", "chess club", "D1:2"),
        ("What does a single room at the Old Mill cost?", "66 euros", "D1:4"),
        ("How much is the dorm in the Seagull?", "31 euros", "D1:4"),
        ("What sport do I do on Wednesday?", "fencing", "D1:6"),
    ],
)
def test_a_table_is_read_by_row_and_column(question: str, answer: str, cited: str) -> None:
    found = read(question, TABLES)
    assert (found.answer, found.evidence_ids) == (answer, (cited,))


@pytest.mark.parametrize(
    "question",
    [
        "What is Friday's chore in the plan?",
        "What is the breakfast on Monday?",
        "What did my sister swap?",
        "What is the price of the Lighthouse?",
        "Which day is it?",
        "What should I not do at once?",
    ],
)
def test_no_cell_without_its_row_and_column_and_no_header_as_an_answer(question: str) -> None:
    assert answer_cell(rank(question, TABLES)) is None
    assert "|" not in read(question, TABLES).answer
    assert "Chore" not in read(question, TABLES).answer
