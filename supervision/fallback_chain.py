"""Tiers of models: primary, secondary, tertiary, rules, a static text. One of them always answers.

    from supervision.fallback_chain import AIFallbackChain, ModelConfig, ModelTier

    chain = AIFallbackChain([
        ModelConfig("gpt-4o", ModelTier.PRIMARY, openai.AsyncOpenAI(), account="openai"),
        ModelConfig("llama3.1", ModelTier.TERTIARY, openai.AsyncOpenAI(base_url="http://localhost:11434/v1")),
        ModelConfig("rules", ModelTier.LOCAL, answer_by_rules),
    ])
    result = await chain.generate("When is invoice 7 due?", schema=Due)
    result.text, result.data, result.answered_by, result.recovered_by, result.cost

The decisions stand in supervision.tiers.run, a machine that an actor may drive as well as the façade here.
"""

from __future__ import annotations

from supervision.tiers.accounts import Parked
from supervision.tiers.answers import AnswerProblem
from supervision.tiers.chain import AIFallbackChain
from supervision.tiers.config import (
    Answer,
    AttemptRecord,
    ChainRequest,
    ChainResult,
    ModelConfig,
    ModelTier,
    ToolCall,
    Usage,
)
from supervision.tiers.run import ChainRun
from supervision.tiers.state import ChainState, ChainStatistics, ModelStatistics

__all__ = [
    "AIFallbackChain",
    "Answer",
    "AnswerProblem",
    "AttemptRecord",
    "ChainRequest",
    "ChainResult",
    "ChainRun",
    "ChainState",
    "ChainStatistics",
    "ModelConfig",
    "ModelStatistics",
    "ModelTier",
    "Parked",
    "ToolCall",
    "Usage",
]
