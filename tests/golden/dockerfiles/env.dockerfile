FROM busybox
ENV a=b c="d e" f=g\ h i='$j' k=
ENV old style value  with   blanks
ENV path $HOME/x "q"
