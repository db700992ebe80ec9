FROM scratch
ADD --unpack=maybe a /a
