"""Whether a text that an LM wrote is what it was asked for: one test for summaries, tags, queries and verdicts.

    accepted("Sure! Here is the summary:\\nAna moved to Porto.")    # 'Ana moved to Porto.'
    accepted("I'm sorry, but I can't help with that.")             # raises RefusedTextError: a refusal

Refusals, error messages, placeholders and foreign JSON would be stored as facts; a preamble would stand before them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from memoryqa.errors import MemoryQAError
from memoryqa.replies.reading import without_thoughts

_BRACKETS = " \t\r\n.:*_`\"'“”‘’«»[](){}<>#-–—…"
_PLACEHOLDERS = frozenset(
    "null none nil nan undefined n/a na nothing empty tbd todo string text summary tags queries query answer verdict "
    "response output result placeholder value object insert assistant unknown".split()
) | {
    "no summary",
    "no answer",
    "no output",
    "no content",
    "no response",
    "not applicable",
    "not available",
    "object object",
    "your answer here",
    "lorem ipsum",
    "lorem ipsum dolor sit amet",
    "i don't know",
    "i don’t know",
    "i do not know",
    "to be determined",
    "empty string",
    "one word",
    "a short phrase",
}
# what is nothing even where a word alone may be meant, as in an answer
_NOTHING = frozenset(("null", "nil", "nan", "undefined", "object object", "placeholder", ""))
_TEMPLATE = re.compile(
    r"\A\W*(?:\[\[ ## \w+ ## \]\]|<\|?/?[\w ,/-]{1,60}\|?>|\{+[\w .,:-]{1,60}\}+|\[(?:insert|your|the|add|write"
    r"|fill)\b[^\]]{0,80}\]"
    r"|(?:insert|your|add) [\w ]{1,30} here|(?:[\w]+ ){1,4}(?:goes|will go|would go) here)\W*\Z|\A\W*lorem ipsum\b",
    re.I,
)
_TASK = (
    r"help(?: you)?(?: with| on)?\W*(?:that|this|it|your|such|further|\Z)|assist|comply|fulfil+|provide|generate"
    r"|produce|(?:help|assist|summari[sz]|provid|generat|answer|discuss|continu)ing|discuss (?:that|this|such|it)"
    r"|talk about (?:that|this|such|it)\b|summari[sz]e|write (?:a|the|this|that|any|such)"
    r"|process (?:this|that|your|the)|continue (?:this|with)|access"
    r"|do this"
    r"|engage|respond|answer(?: that| this)?\W*\Z|judge this|grade|request|conversation|transcript"
)
_UNABLE = (
    r"(?:can(?:'|’)?t|can ?not|won['’]?t|will not|am not able|['’]m not able|am unable|['’]m unable"
    r"|unable|must decline|have to decline|must refuse|do(?:n['’]t| not) (?:have|feel|see|know how|think i))"
)
_INPUT = r"(?:conversation|chat|history|text|transcript|content|context|messages?|session|dialogue)"
_REFUSALS = [
    re.compile(pattern, re.I)
    for pattern in (
        rf"\A\W*(?:(?:i['’ ]?a?m (?:very |so |really |truly )?(?:sorry|afraid)|sorry|apologi[sz]e|i apologi[sz]e|my "
        rf"apologies"
        rf"|apologies|unfortunately|regret\w*)\b.{{0,60}})?\bi\b\s?{_UNABLE}\b.{{0,60}}\b(?:{_TASK})",
        r"\A\W*(?:i['’ ]?a?m (?:very |so |really |truly )?sorry|sorry|my apologies|i apologi[sz]e)\b[^.!?\n]{0,80}"
        r"\b(?:can['’]?t|can ?not|unable|not able|won['’]t|but i)\b",
        r"\A\W*(?:i['’]m|i am|as)\s+(?:only |just |merely )?an? "
        r"(?:ai(?= (?:\w+ )?(?:model|assistant|system|chatbot|bot)\b"
        r"| (?:developed|created|made|trained|built|designed) by\b| and (?:can|do|am|have|cannot)\b|\s*[,.;])"
        r"|artificial intelligence\W*[,.;]|large language model|language model|llm\b|virtual assistant)",
        r"\b(?:against|violat\w+) (?:my|our|the|openai['’]s?|content) (?:\w+ )?(?:guidelines|polic(?:y|ies)"
        r"|programming|terms)",
        r"\bcontent management policy\b|\A\W*i (?:must|have to|will have to|need to) (?:respectfully |politely )?"
        r"(?:decline|refuse)\W*\Z",
        r"\A\W*i(?:['’]m| am) not comfortable (?:with )?\w+ing\b",
        r"\A\W*(?:request|content|response|prompt) (?:was |has been |is )?(?:blocked|filtered|refused|denied|flagged)",
        r"\A\W*(?:please|kindly|could you(?: please)?|can you(?: please)?) (?:provide|share|paste|send|give|upload"
        r"|supply)\b.{0,60}\b(?:conversation|chat|history|text|transcript|content|context|messages?|session|details"
        r"|information|input|more|you['’]d|you would)\b",
        r"\A\W*(?:i understand\W+)?(?:how (?:can|may) i (?:help|assist) you|what (?:would you like|can i do for you)"
        r"|what do you (?:want|need)|i(?:['’]m| am) (?:here|ready) to help|let(?: me|['’]s) think)\b[^\n]{0,60}\W*\Z",
        r"\A\W*(?:it (?:seems|appears|looks like) (?:that )?)?(?:there (?:is|was) )?no (?:conversation|history|text"
        r"|transcript|input|content|messages?) "
        r"(?:was |were |is |has been )?(?:provided|given|found|to (?:summari[sz]e|tag|judge))",
        r"\A\W*(?:i['’]m|i am|my name is) (?:claude|chatgpt|gpt-?\d|gemini|gemma|copilot|qwen|deepseek|llama|grok"
        r"|mistral)\b[^.\n]{0,60}\b(?:ai|model|assistant|made by|trained by|created by|developed by)\b",
        rf"\A\W*(?:it (?:seems|appears|looks like) (?:that |like )?)?you (?:have(?:n['’]t| not)|did(?:n['’]t| not)) "
        rf"(?:\w+ )?(?:provid|shar|includ|past|attach|upload|giv|sen[dt])\w*\b.{{0,30}}\b{_INPUT}",
        rf"\A\W*i(?:['’]d|['’]ll| would| will)? (?:need|require)\b.{{0,20}}\b{_INPUT}\b.{{0,30}}\b(?:to|before)"
        r"\b.{0,30}\b(?:summar|tag|judge|help|assist|answer|grade)",
        r"\bi (?:have|found|see) (?:no|nothing)\b.{0,20}\b(?:summary|tags?|quer(?:y|ies)|to (?:summari[sz]e|tag"
        r"|report))\b",
        # a thought of what is to be done, from a model whose thoughts have no marks
        r"\A\W*(?:(?:okay|ok|alright|so|first|now)\W+)?(?:the (?:user|task)|we|i)(?:['’]m|['’]ll| am| is| are)?\s+"
        r"(?:\w+ ){0,2}?(?:wants?|asks?|asked|asking|needs?|should|must|have|supposed|going|will)\s+"
        r"(?:(?:me|us)\s+)?(?:to\s+)?(?:write|produce|create|provide|generate|give|output|extract|summari[sz]e"
        r"|condense)\b.{0,30}\b(?:summary of|the (?:conversation|transcript|dialogue)|this (?:conversation|transcript"
        r"|dialogue)|search queries|index words)",
        r"\A\W*let['’]?s (?:talk about something else|change the (?:topic|subject)|discuss something else)\W*\Z",
        r"\A\W*(?:(?:es )?tut mir leid|entschuldigung|lo siento|lamento|je suis désolée?|désolée?|mi dispiace|desculpe"
        r"|sinto muito|het spijt me|beklager|förlåt|przepraszam|przykro mi|omlouvám se|üzgünüm|maaf|извините|простите"
        r"|к сожалению|вибачте|перепрошую|на жаль|(?:tôi )?(?:rất )?xin lỗi|क्षमा करें|माफ़? ?करें"
        r"|मुझे खेद|λυπάμαι|συγγνώμη|sajnálom|îmi pare rău|valitettavasti"
        r"|undskyld|tyvärr kan|ขออภัย|ขอโทษ|(?:אני )?מצטער|متاسفم|متأسفم|أعتذر|عذرا|آسف"
        r"|很?抱歉|对不起|對不起|申し訳|すみません|죄송|미안)",
        r"\A\W*(?:(?:ich kann|(?:dabei|damit|hierbei|da) kann ich) (?:\w+ ){0,3}nicht (?:helfen|weiterhelfen"
        r"|beantworten|zusammenfassen)"
        r"|no puedo (?:ayudar|asist|respond|resum)"
        r"|je ne peux pas (?:\w+ )?(?:aider|répondre|résumer)|non posso (?:aiut|assist|rispond|riassum)"
        r"|não posso (?:\w+ )?(?:ajud|respond|resum)|nie mogę (?:\w+ )?(?:pomóc|odpowiedzieć)"
        r"|я не могу (?:\w+ )?(?:помочь|ответить|выполнить)"
        r"|我?(?:无法|無法|不能)(?:为您|为你)?(?:协助|提供|帮助|回答|处理|总结|協助|幫助)"
        r"|ik kan (?:\w+ ){0,3}niet (?:helpen|beantwoorden))",
    )
]
_ERRORS = [
    re.compile(pattern, re.I)
    for pattern in (
        r"\A\W*traceback \(most recent call last\)",
        r"\A\s*(?:<!doctype html|<html\b|<\?xml|<error\b|<head\b|<body\b)",
        r"\A\W*(?:an? )?(?:unexpected |internal |unknown |fatal |api |server |http |network |request |runtime )*"
        r"(?:error|exception)(?: code)?\b\s*(?:[:#(\[-]|\d{3}\b|occurred|has occurred|while|processing|in )",
        r"\A\W*[\w.]*(?:error|exception|timeout)\s*(?:[:(]|-\s)",
        r"\A\W*(?-i:[A-Z][a-z]+(?:[A-Z][A-Za-z]*)?(?:Error|Exception|Violation|Failure|Timeout))\W*\Z",
        r"\A\W*blocked\s*:\s*\w+\W*\Z",
        r"\A\W*failed to (?:load|reach|connect to|process|generate|complete|parse|fetch) (?:the |a |your )?"
        r"(?:model|server|request|response|completion|api)\b",
        r"\A\W*(?:http(?:/[\d.]+)?\s*)?[45]\d\d\b[\s:,-]*(?:internal|bad|service|gateway|too many|client|server|error"
        r"|request|payment|time-?out|(?:not found|unauthori[sz]ed|forbidden)\W*(?:\Z|[:;,.(\n]))",
        r"\A\W*(?:unauthori[sz]ed|forbidden|not found|bad request)\s*(?:\Z|[:;,.(\n])",
        r"\A\W*(?:internal server error|bad gateway|gateway time-?out|service (?:temporarily )?unavailable|too many "
        r"requests"
        r"|rate limit\w*|quota exceeded|insufficient[_ ]quota"
        r"|upstream |no healthy upstream|connection (?:refused|reset|timed out|error|aborted)|request timed? ?out"
        r"|(?:the )?(?:request|operation|model|server|engine|service)\b.{0,40}\b(?:timed out|overloaded|not "
        r"available|is loading|not loaded|not ready"
        r"|currently unavailable|not found|does not exist|failed)\W*(?:\Z|please|try|check)"
        r"|(?:(?:oops|whoops|uh[- ]oh|sorry)\W+)?something went wrong"
        r"|invalid api key|incorrect api key"
        r"|(?:maximum )?context (?:length|window) exceeded|you exceeded your current quota|out of memory|cuda out of "
        r"memory)",
    )
]
_COURTESY = (
    r"(?:sure|certainly|of course|absolutely|okay|ok|alright|all right|got it|understood|great|gladly|happy to help"
    r"|no problem"
    r"|definitely|i['’]d be happy to(?: help)?|i can help with that|i['’]ll be glad to)"
)
_SUBJECT = (
    r"(?:summar(?:y|ies|ised|ized)|recap|overview|tags?|index words|keywords|quer(?:y|ies)|verdict|grade|answer"
    r"|response"
    r"|result|output|synopsis|digest|list|search terms)"
)
_PREAMBLES = [
    re.compile(pattern, re.I)
    for pattern in (
        rf"\A\W*{_COURTESY}(?: thing)?(?:\s*[.!,]+|[^\n.!]{{0,80}}:)(?=\s|\Z)",
        rf"\A\W*(?:here(?:['’]s| is| are|'re)|below (?:is|are)|the following (?:is|are)|i(?:['’]ve| have) "
        rf"(?:written|"
        rf"prepared|summari[sz]ed|created)|let me|i(?:['’]ll| will))\b[^\n:.]{{0,120}}?(?:{_SUBJECT}"
        rf"|summari[sz]e)\b[^\n:.]{{0,120}}"
        r"(?::|\.(?=\s|\Z)|\Z)",
        r"\A\W*here (?:you go|it is|they are|we go)\s*(?:[:.!]+|\Z)",
        rf"\A\W*this is\b[^\n:.]{{0,60}}?{_SUBJECT}\b[^\n:.]{{0,120}}:",
        rf"\A\W*(?:the )?{_SUBJECT} (?:is|are|goes|reads) (?:as follows|below)\s*(?::|\.|\Z)",
        rf"\A\W*(?:\w+ ){{0,3}}{_SUBJECT}(?: of [^\n:.]{{1,80}})?\s?[*_#`]*:[*_]*(?=\s|\Z)",
        rf"\A\s*#+\s*[^\n]*{_SUBJECT}[^\n]*\n",
    )
]
_CLOSINGS = [
    re.compile(pattern, re.I)
    for pattern in (
        r"(?:\A|(?<=[.!?…\n])\s*)(?:please |feel free to )?(?:let me know|feel free|i hope (?:this|that) helps|hope "
        r"this helps"
        r"|is there anything else|would you like me to|if you (?:need|would like|want|have) (?:any|more|further"
        r"|me))\b[^\n]*\Z",
        r"\s*\[\[ ## completed ## \]\]\s*\Z",
    )
]
_TEXT_KEYS = ("summary", "text", "content", "output", "result", "response", "answer", "message")


class RefusedTextError(MemoryQAError, ValueError):
    """A text of an LM is not what it was asked for; the message says what it is."""


def accepted(text: str) -> str:
    """`text` without thoughts, preamble and closing remark. Raises RefusedTextError for what is no text of its own."""
    bare = _unwrapped(without_thoughts(text))
    if problem := problem_of(bare):
        raise RefusedTextError(f"{problem}: {_shown(text)}")
    body = without_preamble(bare)
    if problem := problem_of(body):
        raise RefusedTextError(f"{problem}: {_shown(text)}")
    return body


def problem_of(text: str) -> str | None:
    """What `text` is when nothing in it was asked for: a refusal, an error, a placeholder, foreign JSON; else None."""
    plain = text.strip()
    if not plain:
        return "nothing"
    if is_placeholder(plain):
        return "a placeholder"
    if any(pattern.search(plain) for pattern in _REFUSALS):
        return "a refusal"
    if any(pattern.search(plain) for pattern in _ERRORS):
        return "an error message"
    return "JSON" if _is_json(plain) else None


def accepted_queries(queries: Iterable[object] | None, problems: list[str]) -> list[str]:
    """The queries of an LM, each once and in order, without what is none; what was left out goes into `problems`."""
    written = list(dict.fromkeys(stripped for query in queries or () if (stripped := str(query).strip())))
    accepted = [query for query in written if problem_of(query) is None]
    if refused := [query for query in written if problem_of(query) is not None]:
        problems.append(
            f"{len(refused)} of {len(written)} queries are none ({problem_of(refused[0])}) and were left out"
        )
    return accepted


def is_placeholder(text: str) -> bool:
    """Whether `text` only marks the place where something should be."""
    return _plain(text) in _PLACEHOLDERS or not _plain(text) or _TEMPLATE.match(text) is not None


def is_nothing(text: str) -> bool:
    """Whether `text` is a program's word for nothing, or a template's mark, where any word may be meant."""
    return _plain(text) in _NOTHING or _TEMPLATE.match(text.strip()) is not None


def without_preamble(text: str) -> str:
    """`text` without what announces it or takes leave after it."""
    before = None
    while before != text:
        before = text
        for pattern in _PREAMBLES:
            text = pattern.sub("", text, count=1).strip()
        for pattern in _CLOSINGS:
            text = pattern.sub("", text, count=1).strip()
    return text


def _unwrapped(text: str) -> str:
    """The text in a JSON object that has but one, or in a fence; else `text`."""
    fenced = re.fullmatch(r"\s*```\w*\n(.*?)\n?```\s*", text, re.S)
    bare = fenced[1] if fenced else text
    found = _json(bare)
    if isinstance(found, dict) and len(found) == 1:
        (name, value), *_ = found.items()
        if name.lower() in _TEXT_KEYS and isinstance(value, str):
            return value
    return found if isinstance(found, str) else bare


def _is_json(text: str) -> bool:
    return isinstance(_json(text), dict | list) or bool(re.match(r"\A[\[{]\s*\"[\w.-]+\"\s*:", text))


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _plain(text: str) -> str:
    return " ".join(text.strip(_BRACKETS).lower().split())


def _shown(text: str, max_chars: int = 80) -> str:
    return repr(" ".join(text.split())[:max_chars])
