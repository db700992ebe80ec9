FROM a
ENV A="b c" D='e f' G=h\ i J= K=""
ENV L m  n   o
ENV "M"=n O="p"q'r'
