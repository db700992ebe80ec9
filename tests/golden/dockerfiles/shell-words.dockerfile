FROM a
SHELL ["a", "b"]
SHELL []
