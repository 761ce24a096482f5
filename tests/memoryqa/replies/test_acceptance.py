from __future__ import annotations

import pytest

from memoryqa.replies.acceptance import RefusedTextError, accepted, accepted_queries, is_nothing

NO_TEXT = {
    "a refusal": [
        "I'm sorry, but I can't help with that.",
        "I cannot assist with that request.",
        "Sorry, I'm unable to summarize this conversation.",
        "As an AI language model, I do not have access to private chats.",
        "Unfortunately, I can't provide a summary of this content.",
        "I must decline to answer",
        "Please provide the conversation you would like me to summarize.",
        "It seems no history was provided",
        "Lo siento, no puedo ayudar con eso.",
        "This violates our usage policies.",
        "<think>May I?</think>I won't generate that.",
        "I'm not comfortable summarizing private conversations.",
        "I must respectfully decline.",
        "This content may violate our terms of use.",
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
        "As an AI, I cannot keep secrets.",
        "Tut mir leid, das kann ich nicht.",
        "Ich kann dabei leider nicht helfen.",
        "Non posso aiutarti con questa richiesta.",
        "Je ne peux pas vous aider.",
        "Извините, я не могу помочь с этим.",
        "很抱歉，我无法协助处理该请求。",
        "죄송합니다. 도와드릴 수 없습니다.",
        "Przepraszam, ale nie mogę pomóc.",
        "How can I help you today?",
        "Of course! What would you like to know?",
        "Okay, I understand. What would you like me to do?",
        "Let me think about this step by step.",
        "As an AI developed by OpenAI, I can't process that.",
        "I'm just an AI and can't do that.",
        "I’m Claude, an AI assistant made by Anthropic.",
        "I do not feel comfortable summarizing this.",
        "I can't discuss that topic.",
        "Let's talk about something else.",
        "It looks like you haven't provided the conversation yet.",
        "You did not include any text to summarize.",
        "I need the conversation to write a summary.",
        "As requested, I have no summary to give.",
        "The user wants me to summarize the conversation.",
        "Okay, I need to write search queries for this.",
        "Dabei kann ich leider nicht helfen.",
        "Tôi xin lỗi, nhưng tôi không thể giúp.",
        "क्षमा करें, मैं मदद नहीं कर सकता।",
        "Sajnálom, ebben nem segíthetek.",
    ],
    "an error message": [
        "Error: rate limit exceeded",
        "Internal Server Error",
        "502 Bad Gateway",
        "HTTP 503 Service Unavailable",
        "<html><body>502</body></html>",
        "openai.RateLimitError: 429",
        "Traceback (most recent call last):\n  File",
        "The model is overloaded. Please try again later.",
        "An error occurred while processing your request.",
        "Request timed out.",
        "OpenAIException - Connection error.",
        "ResponsibleAIPolicyViolation",
        "Model not loaded",
        "Failed to load model",
        "Oops! Something went wrong.",
        "Blocked: SAFETY",
        "You exceeded your current quota, please check your plan.",
    ],
    "a placeholder": [
        "null",
        "None",
        "N/A",
        "[summary]",
        "{summary}",
        "<summary here>",
        "...",
        "TODO",
        "[object Object]",
        "<|im_end|>",
        "</s>",
        "Assistant:",
        "I don't know.",
        "lorem ipsum dolor sit amet",
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit.",
        "The summary goes here.",
    ],
    "JSON": ['{"error": {"message": "quota"}}', '{"summary": null}', '```json\n{"a": 1}\n```', '["a"]'],
    "nothing": [
        "",
        " \n",
        "<think>hm",
        "Sure! Here is the summary:",
        "Here's a summary of the conversation:",
        "Sure, here you go:",
        "The summary is as follows:",
    ],
}
TEXTS = [
    "Ana moved to Porto.",
    "Step 3 failed with KeyError: 'x', which was fixed.",
    "Error handling was added to the parser in step 4.",
    "The server error of step 2 was resolved by restarting on port 8080.",
    "Sarah said she is sorry that she could not come to the concert on May 7.",
    "The request to /login timed out twice, then passed.",
    "None of the three candidates reached 0.9.",
    "Text was extracted from 12 PDFs.",
    "The summary report was sent to Mia on 3 May.",
    "Okay was the name of the dog.",
    "As an AI researcher, Ana works in Lisbon.",
    "Forbidden Planet was the film they saw.",
    "404 Not Found is Ben's favourite band.",
    "Please send the key to Ben by Friday, Ana asked.",
    "This is a summary judgement that Ana won.",
    "I'm sorry to hear about your mother, said Ben. Ana cannot help with the move.",
    "Unfortunately, I missed the train, Ana wrote.",
    "Ben refused to help. Ana can't come on Friday.",
    "Ben failed to load the truck, and we need to buy milk.",
    "Terror attacks in May frightened Ana.",
    "Here we go again was the song that Ana sang.",
    "I need to send the text to Ben before Friday.",
    "You haven't seen Ben since May.",
    "Claude, Ana's brother, is a baker.",
    "What would happen if Ana moved, nobody knew in May 2023; she moved to Porto in June.",
]


@pytest.mark.parametrize(("problem", "text"), [(problem, text) for problem, texts in NO_TEXT.items() for text in texts])
def test_what_is_no_text_of_its_own_is_refused_with_what_it_is(problem: str, text: str) -> None:
    with pytest.raises(RefusedTextError, match=problem):
        accepted(text)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_passes_unchanged(text: str) -> None:
    assert accepted(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Sure! Here is the summary:\nAna moved.",
        "**Summary:** Ana moved.",
        "Here is a summary of the chat so far: Ana moved. Let me know if you need more.",
        '{"summary": "Ana moved."}',
        "## Summary\nAna moved.",
        "<think>Draft: Ben moved.</think>Ana moved.",
        "Certainly. Ana moved.",
        "```\nAna moved.\n```",
        "Ana moved.\n[[ ## completed ## ]]",
    ],
)
def test_preamble_and_leave_taking_are_cut_off(text: str) -> None:
    assert accepted(text) == "Ana moved."


def test_queries_that_are_none_are_left_out_and_counted() -> None:
    problems: list[str] = []
    written = ["sorry about the dinner", "I can't find my keys", "null", "I'm sorry, I can't help with that.", "null"]
    assert accepted_queries(written, problems) == ["sorry about the dinner", "I can't find my keys"]
    assert problems == ["2 of 4 queries are none (a placeholder) and were left out"]
    assert accepted_queries(None, problems) == []


@pytest.mark.parametrize("word", ["null", "NaN", "<answer>", "{answer}", "[[ ## answer ## ]]", "undefined"])
def test_a_programs_word_for_nothing_is_no_answer(word: str) -> None:
    assert is_nothing(word)


@pytest.mark.parametrize("word", ["None", "nothing", "a string", "N.A.", "no", "Nan Goldin"])
def test_a_word_that_may_be_meant_is_one(word: str) -> None:
    assert not is_nothing(word)
