"""What is known of providers: addresses, the variables of keys and addresses, and the models that are asked by default.

Defaults age: `DEFAULTS` lists models newest and smallest first, and the pre-flight takes the first that the provider
still offers (memoryqa/lms/catalogue.py). Checked against the price list of LiteLLM 1.106 (November 2026).
"""

from __future__ import annotations

from dataclasses import dataclass

TOGETHER_KEYS = ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN")
VLLM_KEYS = ("HOSTED_VLLM_API_KEY", "VLLM_API_KEY")


@dataclass(frozen=True, slots=True)
class Provider:
    """address: where `GET <address>/models` lists models; None: nowhere that is known. keys: the variables of its key.

    addresses: the variables from which DSPy, LiteLLM or the provider's own client take another address.
    """

    keys: tuple[str, ...]
    addresses: tuple[str, ...]
    address: str | None = None


@dataclass(frozen=True, slots=True)
class DefaultModel:
    """reasoning: it reasons before it answers, whether or not DSPy knows its name. effort: how much is enough here."""

    model: str
    reasoning: bool | None = None
    effort: str | None = None


# Provider -> what differs from the rule of `provider_named`.
_KNOWN = {
    "openai": Provider(("OPENAI_API_KEY",), ("OPENAI_BASE_URL", "OPENAI_API_BASE"), "https://api.openai.com/v1"),
    "together_ai": Provider(
        TOGETHER_KEYS,
        ("TOGETHER_AI_API_BASE", "TOGETHER_API_BASE", "TOGETHER_BASE_URL"),
        "https://api.together.xyz/v1",
    ),
    "ollama": Provider((), ("OLLAMA_API_BASE", "OLLAMA_BASE_URL"), "http://localhost:11434/v1"),
    "ollama_chat": Provider((), ("OLLAMA_API_BASE", "OLLAMA_BASE_URL"), "http://localhost:11434/v1"),
    "hosted_vllm": Provider(
        VLLM_KEYS, ("HOSTED_VLLM_API_BASE", "HOSTED_VLLM_BASE_URL", "VLLM_API_BASE"), "http://localhost:8000/v1"
    ),
    "anthropic": Provider(
        ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
        ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
        "https://api.anthropic.com/v1",
    ),
    "gemini": Provider(
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        ("GEMINI_API_BASE", "GEMINI_BASE_URL"),
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    "azure": Provider(("AZURE_API_KEY",), ("AZURE_API_BASE", "AZURE_BASE_URL", "AZURE_OPENAI_ENDPOINT")),
    "azure_ai": Provider(("AZURE_AI_API_KEY",), ("AZURE_AI_API_BASE", "AZURE_AI_BASE_URL")),
    "bedrock": Provider((), ("AWS_BEDROCK_RUNTIME_ENDPOINT", "AWS_REGION_NAME", "AWS_REGION")),
    "vertex_ai": Provider((), ("VERTEXAI_API_BASE", "VERTEX_AI_API_BASE", "VERTEXAI_LOCATION")),
    "huggingface": Provider(
        ("HF_TOKEN", "HUGGINGFACE_API_KEY"), ("HF_API_BASE", "HUGGINGFACE_API_BASE", "HUGGINGFACE_BASE_URL")
    ),
    "fireworks_ai": Provider(
        ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
        ("FIREWORKS_API_BASE", "FIREWORKS_AI_API_BASE", "FIREWORKS_AI_BASE_URL"),
        "https://api.fireworks.ai/inference/v1",
    ),
    "watsonx": Provider(("WATSONX_API_KEY", "WATSONX_APIKEY"), ("WATSONX_API_BASE", "WATSONX_URL")),
}
_ADDRESSES = {
    "openrouter": "https://openrouter.ai/api/v1",
    "groq": "https://api.groq.com/openai/v1",
    "deepseek": "https://api.deepseek.com",
    "mistral": "https://api.mistral.ai/v1",
    "xai": "https://api.x.ai/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "nvidia_nim": "https://integrate.api.nvidia.com/v1",
    "sambanova": "https://api.sambanova.ai/v1",
    "lm_studio": "http://localhost:1234/v1",
}
# What speaks OpenAI's protocol at any address: it is asked there by us, whether a flag or a variable names the address.
OPENAI_PROTOCOL = frozenset(("openai", "hosted_vllm", "ollama", "ollama_chat"))
# Clouds whose address is the customer's own: it says nothing about the price.
CUSTOMERS_OWN = frozenset(("azure", "azure_ai", "bedrock", "vertex_ai", "databricks", "sagemaker", "watsonx"))
# Key variable -> the models of its provider, newest small one first; the last is what published LoCoMo figures used.
DEFAULTS: dict[str, tuple[DefaultModel, ...]] = {
    "TOGETHER_API_KEY": (
        DefaultModel("together_ai/Qwen/Qwen3.8-Flash"),
        DefaultModel("together_ai/zai-org/GLM-5.3-Flash"),
        DefaultModel("together_ai/Qwen/Qwen3.5-9B"),
        DefaultModel("together_ai/openai/gpt-oss-120b"),
        DefaultModel("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    ),
    "OPENAI_API_KEY": (
        DefaultModel("openai/gpt-6-luna", reasoning=True, effort="low"),
        DefaultModel("openai/gpt-5.6-luna", reasoning=True, effort="low"),
        DefaultModel("openai/gpt-5.4-mini", reasoning=True, effort="low"),
        DefaultModel("openai/gpt-5-mini", reasoning=True, effort="low"),
        DefaultModel("openai/gpt-4.1-mini"),
        DefaultModel("openai/gpt-4o-mini"),
    ),
}


def provider_named(name: str) -> Provider:
    """What is known of the provider `name`, the first part of a model's name; for others DSPy's rule of variables."""
    if name in _KNOWN:
        return _KNOWN[name]
    upper = name.upper().replace("-", "_")
    return Provider((f"{upper}_API_KEY",), (f"{upper}_API_BASE", f"{upper}_BASE_URL"), _ADDRESSES.get(name))
