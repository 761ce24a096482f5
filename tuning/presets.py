"""The search space over our own configs, declared once, and what its values mean.

`settings_of(values, base)` turns values into configs. A parameter has the name of the field that it sets, without its
section: no two configs have a field of one name (a test says so), and a study, a saved space or a client's script
outlives a field that moves from one config to another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from memoryqa.config import COMPACTIONS, CoverageConfig, MemoryConfig, ProgramConfig, RankingConfig
from memoryqa.parameters import Parameters, ParametersError, settings_from
from tuning.errors import SpaceError
from tuning.space import Condition, Parameter, SearchSpace

_SHIPPED = RankingConfig()
_MEMORY, _PROGRAM = MemoryConfig(), ProgramConfig()
_COVERAGE = CoverageConfig()
SECTIONS: Mapping[str, type] = {
    "memory": MemoryConfig,
    "program": ProgramConfig,
    "ranking": RankingConfig,
    "coverage": CoverageConfig,
}
_SECTION_OF = {
    field.name: section
    for section, config in SECTIONS.items()
    for field in dataclasses.fields(config)
    if field.name not in SECTIONS
}

# Ranges reach from about a third of the shipped value to about twice: it was itself chosen on the train conversations,
# and in ranges twice as wide none of 100 trials was better.


def _weight(name: str, low: float, high: float, step: float = 0.01) -> Parameter:
    """A weight of the ranking, by default in hundredths: finer is within noise."""
    return Parameter(name, "float", low=low, high=high, step=step, default=getattr(_SHIPPED, name))


_WEIGHTS = (
    Parameter("bm25_k1", "float", low=0.4, high=2.0, log=True, default=_SHIPPED.bm25_k1),
    _weight("bm25_b", 0.5, 1.0, 0.05),
    _weight("synonym_weight", 0.1, 0.6),
    _weight("instance_weight", 0.2, 1.4),
    _weight("session_weight", 0.0, 0.25),
    _weight("speaker_weight", 0.0, 0.2),
    _weight("speaker_share", 0.0, 0.3),
)
_PRIORS = (
    _weight("role_weight", 0.0, 0.3),
    _weight("length_weight", 0.0, 0.3),
    _weight("code_weight", 0.0, 0.5),
    _weight("date_weight", 0.1, 0.6),
    _weight("question_prior", -0.25, 0.0),
    _weight("reply_prior", 0.0, 0.15),
    _weight("opening_prior", 0.0, 0.25),
    _weight("time_prior", 0.0, 0.25, 0.005),
)
_WINDOWS = (
    _weight("window_before", 0.3, 1.0, 0.05),
    _weight("window_after", 0.1, 0.8, 0.05),
    Parameter("window_tokens", "float", low=20.0, high=200.0, log=True, default=_SHIPPED.window_tokens),
)
_SIZES = (
    Parameter("score_floor", "float", low=0.0, high=0.6, step=0.05, default=_PROGRAM.score_floor),
    Parameter("recovery", "categorical", choices=("on", "off"), default="on" if _MEMORY.recovery else "off"),
    # the size of the working memory decides on what is found only where nothing else may be searched
    Parameter(
        "memory_tokens",
        "int",
        low=2_000,
        high=20_000,
        log=True,
        default=_MEMORY.memory_tokens,
        when=Condition("recovery", ("off",)),
    ),
)
# which lines stay in the working memory, and of one way its own parameters
_COMPACTION = (
    Parameter("compaction", "categorical", choices=COMPACTIONS, default=_MEMORY.compaction),
    *(
        Parameter(
            name,
            "float",
            low=low,
            high=high,
            step=step,
            default=getattr(_COVERAGE, name),
            when=Condition("compaction", ("coverage",)),
        )
        for name, low, high, step in (
            ("probe_worth", 5.0, 50.0, 1.0),
            ("repeat_share", 0.5, 1.0, 0.05),
            ("question_share", 0.2, 1.0, 0.05),
            ("role_share", 0.05, 1.0, 0.05),
            ("later_share", 0.05, 1.0, 0.05),
            ("length_exponent", 0.0, 2.0, 0.1),
            ("header_tokens", 2.0, 30.0, 1.0),
            ("wait_lengths", 0.0, 10.0, 0.5),
        )
    ),
)
_BUDGET = Parameter("context_tokens", "int", low=250, high=8_000, log=True, default=_PROGRAM.context_tokens)

COMPACTION = "compaction"
PRESETS: Mapping[str, SearchSpace] = {
    "quick": SearchSpace(_WEIGHTS),  # the index stays as it is
    "standard": SearchSpace((*_WEIGHTS, *_PRIORS, *_WINDOWS)),
    "full": SearchSpace(
        (
            *_WEIGHTS,
            *_PRIORS,
            *_WINDOWS,
            *_SIZES,
            dataclasses.replace(_COMPACTION[0], when=Condition("recovery", ("off",))),  # otherwise everything is found
            *_COMPACTION[1:],
        )
    ),
    COMPACTION: SearchSpace(_COMPACTION),
}


def preset(name: str, *, with_budget: bool = False) -> SearchSpace:
    """A space by name. with_budget: the search trades quality for tokens, so it includes the size of the evidence and
    the floor that leaves out what ranks low. Raises SpaceError for an unknown name."""
    if name not in PRESETS:
        raise SpaceError(f"no space {name!r}; there are {', '.join(PRESETS)}")
    chosen = PRESETS[name].parameters
    if not with_budget:
        return SearchSpace(chosen)
    floor = () if any(one.name == "score_floor" for one in chosen) else (_SIZES[0],)
    return SearchSpace((_BUDGET, *floor, *chosen))


def settings_of(values: Mapping[str, Any], base: Parameters | None = None) -> Parameters:
    """The settings that `values` make; what they do not name stays as in `base`, or as shipped.

    Raises ParametersError for an unknown parameter (the known ones are listed) and for a value that is refused.
    """
    base = base or Parameters()
    chosen: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    for name, value in values.items():
        if name not in _SECTION_OF:
            raise ParametersError(f"no parameter {name!r}; there are {', '.join(known_parameters())}")
        chosen[_SECTION_OF[name]][name] = value
    before = dataclasses.asdict(base.settings)
    memory, program = before["memory"] | chosen["memory"], before["program"] | chosen["program"]
    nested = {section: memory[section] | chosen[section] for section in ("ranking", "coverage")}
    return dataclasses.replace(base, settings=settings_from(memory | nested, program))


def known_parameters() -> list[str]:
    """All names that `settings_of` takes."""
    return sorted(_SECTION_OF)
