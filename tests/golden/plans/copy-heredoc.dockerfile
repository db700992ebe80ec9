FROM alpine
ENV V=1
COPY <<A <<"B" /etc/
v is $V
A
v is $V
B
