FROM alpine
RUN <<A cat - <<B
1
A
2
B
RUN python3 <<E
print(1)
E
