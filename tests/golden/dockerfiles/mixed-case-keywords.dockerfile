from a as B
Run c
cOpY d e
