FROM a
LABEL com.example="a b" "c d"=e f='g"h'
LABEL multi="one \
two"
LABEL old the rest = this
