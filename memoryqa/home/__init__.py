"""The chats of this user: where they are, and what goes into them.

Commands and servers import exports by `importing.import_export`, join people by `people`, and find the folder by
`folder.store_folder`.
"""
