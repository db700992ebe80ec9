import sys
print("in", sys.prefix)
