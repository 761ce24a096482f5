"""A LangChain chain with a chat's history and a retriever over it. The model is scripted: no key, no network.

pip install 'memoryqa[langchain]'
python examples/adapters/langchain_history.py
"""

from __future__ import annotations

import tempfile

from memoryqa import Memories
from memoryqa.errors import exit_without_extras

with exit_without_extras():
    from langchain_core.language_models import FakeListChatModel
    from langchain_core.messages import AIMessage, HumanMessage
    from langchain_core.prompts import ChatPromptTemplate

    from memoryqa.adapters.langchain import MemoryChatHistory, MemoryRetriever

with tempfile.TemporaryDirectory() as folder, Memories.open(folder) as chats:
    history = MemoryChatHistory(chats, session_id="ana", speakers={"human": "Ana"})
    history.add_messages([HumanMessage("My flat in Porto has a balcony."), AIMessage("Lovely!")])

    retriever = MemoryRetriever(source=chats, budget_tokens=300)
    documents = retriever.invoke("What does the flat in Porto have?")
    print(documents[0].id, documents[0].metadata["speaker"])

    prompt = ChatPromptTemplate.from_template("Answer from these lines and cite them.\n{lines}\n\n{question}")
    chain = prompt | FakeListChatModel(responses=["A balcony [ana/D1:1]."])
    lines = "\n".join(document.page_content for document in documents)
    print(chain.invoke({"lines": lines, "question": "What does the flat have?"}).content)
    print([message.type for message in history.messages])
