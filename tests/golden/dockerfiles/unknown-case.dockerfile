FROM a
Entrypiont x
